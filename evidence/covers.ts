import type { EvidenceKind } from '@symbolon/protocol/evidence.ts'
import type { IntentKind, SecretIntent } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'

/*
 * What each kind of evidence can ask for. A new kind of intent must be decided here for all of them. Who may have it is policy's to say, and
 * whose touch makes a roster change, the roster's.
 */

/** Of `key`, the bootstrap key of version 1 is a kind of its own. */
type Source = EvidenceKind | 'bootstrap'

/** Whoever may ask for tokens may ask for secrets. */
function secrets(all: boolean): Readonly<Record<SecretIntent['kind'], boolean>> {
  return { 'secret.read': all, 'secret.list': all, 'secret.write': all, 'secret.delete': all, 'secret.undelete': all, 'secret.destroy': all, 'secret.meta': all }
}

const covers: Readonly<Record<Source, Readonly<Record<IntentKind, boolean>>>> = {
  passkey: { token: true, grant: true, roster: true, revoke: true, lock: true, read: true, ...secrets(true) },
  // Hours without a touch: never what makes new credentials or says who exists, nor what stops somebody.
  grant: { token: true, grant: false, roster: false, revoke: true, lock: false, read: true, ...secrets(true) },
  token: { token: true, grant: false, roster: false, revoke: true, lock: false, read: true, ...secrets(true) },
  key: { token: true, grant: false, roster: false, revoke: true, lock: true, read: true, ...secrets(true) },
  // Of which class it must be to stop anything is policy’s to say.
  id_token: { token: true, grant: false, roster: false, revoke: true, lock: true, read: true, ...secrets(true) },
  // Whoever sees such a token can use it: nothing but secrets, and its own end.
  facade: { token: false, grant: false, roster: false, revoke: true, lock: false, read: false, ...secrets(true) },
  bootstrap: { token: false, grant: false, roster: true, revoke: false, lock: false, read: true, ...secrets(false) },
}

/** @returns why not, or undefined */
export const uncovered = (source: Source, kind: IntentKind): Reason | undefined =>
  covers[source][kind] ? undefined : reasonOf('evidence_kind_unsupported', `Evidence of kind ${source} cannot ask for this kind of intent.`, { rule: `${source}.kind`, fact: kind })
