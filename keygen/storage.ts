import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { certificateFileLimit, certificateStatement, ceremonyMessage, type Certificate, type Phase } from '@symbolon/protocol/ceremony.ts'
import { digestText } from '@symbolon/protocol/fields.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import { blobBytesLimit } from '@symbolon/keystore/blob.ts'
import { makeFolder, readBounded, syncFolder, writeWhole } from '@symbolon/keystore/folder.ts'
import { shareFile } from '@symbolon/keystore/shares.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import { encodeRoster, type Roster } from '@symbolon/roster/roster.ts'

/*
 * Two-phase storage. Until activation everything lies in `ceremony/`, where no signer looks; `roster.json` is written last, and a
 * signer without it refuses to start. So whenever the power fails, either nothing is active or all of it is.
 */

/** What a member must remember from its certificate on: it may be what the others are waiting for. */
export const progress = z.strictObject({ v: z.literal(1), plan: digestText, session: digestText, statement: certificateStatement, own: z.array(ceremonyMessage).min(1).max(3) })
export type Progress = z.infer<typeof progress>

/** Only signatures travel in these, and what was said in them survives a restart. */
export const late: ReadonlySet<Phase> = new Set<Phase>(['certify', 'keyset', 'done'])

type Epoch = { readonly purpose: Purpose; readonly epoch: number }
export interface Outcome {
  readonly roster: Roster
  readonly certificate: Certificate
  readonly keyset: SignedKeyset
}

export interface Storage {
  /** True once `roster.json` is there: nothing of this signer is ever replaced by a ceremony again. */
  active(): boolean
  /** What is left of an earlier run of this plan; whatever another plan left is removed, unless it became active. */
  begin(plan: Base64url): Progress | undefined
  writeShare(epoch: Epoch, blob: Uint8Array): void
  /** From the disk, not from memory. */
  readShare(epoch: Epoch): Uint8Array | undefined
  remember(progress: Progress): void
  activate(outcome: Outcome): void
  /** Removes the shares of a ceremony that made no key. */
  discard(): void
}

/** @param folders.state the signer's state directory; `keystore` its keystore's */
export function openStorage(folders: { readonly state: string; readonly keystore: string }): Storage {
  const staging = join(folders.state, 'ceremony')
  const progressFile = join(staging, 'progress.json')
  const file = (name: string) => join(folders.state, name)
  const active = () => existsSync(file('roster.json'))
  const discard = () => {
    rmSync(staging, { recursive: true, force: true })
    if (existsSync(folders.state)) syncFolder(folders.state)
  }
  return {
    active,
    begin(plan) {
      const bytes = readBounded(progressFile, certificateFileLimit)
      const found = bytes === undefined ? undefined : decodeAs(progress, bytes, certificateFileLimit)
      if (found?.ok === true && found.value.plan === plan) return found.value
      if (!active()) discard()
      return undefined
    },
    writeShare: (epoch, blob) => writeWhole(shareFile(staging, epoch), blob),
    readShare: (epoch) => readBounded(shareFile(staging, epoch), blobBytesLimit),
    remember: (value) => writeWhole(progressFile, canonical(progress.parse(value))),
    activate({ roster, certificate, keyset }) {
      if (active()) return
      for (const group of roster.groups) moveShare(shareFile(staging, group), shareFile(folders.keystore, group))
      writeWhole(file('certificates.json'), canonical({ v: 1, certificates: [certificate] }))
      writeWhole(file('keyset.json'), canonical(keyset))
      writeWhole(file('roster.json'), encodeRoster(roster))
    },
    discard,
  }
}

/** Done already if an earlier activation was cut short. */
function moveShare(from: string, to: string): void {
  if (!existsSync(from)) return
  makeFolder(dirname(to))
  renameSync(from, to)
  syncFolder(dirname(to))
}
