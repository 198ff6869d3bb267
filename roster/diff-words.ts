import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { proofJwk, rsaJwk } from '@symbolon/protocol/fields.ts'
import { canonical, type Json } from '@symbolon/protocol/json.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Difference } from './diff.ts'
import type { Roster } from './roster.ts'

/* The words for a difference. What has none is shown as it stands, and taken for dangerous: nobody has thought about it. */

export type Weight = 'danger' | 'notice' | 'plain'
export interface Words {
  readonly sentence: string
  readonly weight: Weight
}
export interface Context {
  readonly before: Roster
  readonly after: Roster
  /** `person/passkey` of those that are in effect already. */
  readonly enrolled: ReadonlySet<string>
}

/** `names`: the parts of the path that the pattern left open. */
type Say = (change: Difference & { readonly names: readonly string[]; readonly was: string; readonly is: string; readonly context: Context }) => Words | undefined

/** The first pattern that fits and has something to say. `*` is one part of the path. */
export function describe(difference: Difference, context: Context): Words {
  const spoken = { ...difference, was: show(difference.before), is: show(difference.after), context }
  for (const [pattern, say] of table) {
    const names = fit(pattern.split('/'), difference.path)
    const words = names === undefined ? undefined : say({ ...spoken, names })
    if (words !== undefined) return { ...words, sentence: ascii(words.sentence) }
  }
  return { sentence: ascii(`${difference.path.join('/')}: ${spoken.was} becomes ${spoken.is}.`), weight: goesWithItsRow(difference, context) ? 'notice' : 'danger' }
}

function goesWithItsRow({ path: [table, id], after }: Difference, context: Context): boolean {
  if (after !== undefined || (table !== 'people' && table !== 'services' && table !== 'issuers' && table !== 'trusts' && table !== 'clients')) return false
  const rows: readonly { readonly id: string }[] = context.after[table]
  return !rows.some((row) => row.id === id)
}

function fit(pattern: readonly string[], path: readonly string[]): readonly string[] | undefined {
  if (pattern.length !== path.length || !pattern.every((part, at) => part === '*' || part === path[at])) return undefined
  return path.filter((_, at) => pattern[at] === '*')
}

/** A console or terminal shows this: nothing in it may draw, hide or turn around. */
const ascii = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?')

export function show(value: Json | undefined): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return value.startsWith('-----BEGIN') ? `a certificate (SHA-256 ${toBase64url(sha256(utf8(value)))})` : value
  if (typeof value !== 'object' || value === null) return `${value}`
  const key = proofJwk.or(rsaJwk).safeParse(value)
  if (key.success) return `key ${thumbprint(key.data)}`
  return isCondition(value) ? conditionWords(value) : new TextDecoder().decode(canonical(value))
}

type Condition = { readonly claim: string } & Readonly<Record<string, Json>>
const isCondition = (value: Json): value is Condition => typeof value === 'object' && value !== null && 'claim' in value && typeof value.claim === 'string'
const conditionWords = ({ claim, ...tests }: Condition): string => `${claim} ${Object.entries(tests).map(([test, value]) => `${test.replace('_', ' ')} ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')}`

const danger = (sentence: string): Words => ({ sentence, weight: 'danger' })
const notice = (sentence: string): Words => ({ sentence, weight: 'notice' })
const plain = (sentence: string): Words => ({ sentence, weight: 'plain' })

/** In words for what comes, for what goes, and for what becomes something else. */
const either = (comes: (is: string, names: readonly string[]) => Words, goes: (was: string, names: readonly string[]) => Words, becomes?: (was: string, is: string, names: readonly string[]) => Words): Say => ({ before, after, was, is, names }) =>
  before === undefined ? comes(is, names) : after === undefined ? goes(was, names) : becomes?.(was, is, names)

/** A number that guards by being small. */
const limit = (what: (names: readonly string[]) => string, unit: string): Say => ({ before, after, was, is, names }) => {
  const sentence = `${what(names)}: ${before === undefined ? '' : `${was}${unit} becomes `}${after === undefined ? 'no limit' : `${is}${unit}`}.`
  return typeof after === 'number' && typeof before === 'number' && after < before ? notice(sentence) : danger(sentence)
}

/** A member that belongs to a row and says nothing by itself. */
const label = (what: string): Say => ({ names, was, is, before, after }) => plain(after === undefined ? `${names[0]}: ${what} ${was} goes with it.` : before === undefined ? `${names[0]}: ${what} is ${is}.` : `${names[0]}: ${what} ${was} becomes ${is}.`)

/** A member that decides what its row is worth: harmless only when it goes with the row. */
const weighty = (what: string): Say => ({ names, was, is, before, after }) =>
  after === undefined ? notice(`${names[0]}: ${what} ${was} is taken away.`) : danger(before === undefined ? `${names[0]}: ${what} is ${is}.` : `${names[0]}: ${what} ${was} becomes ${is}.`)

const member = (list: string): Say => either((is, [id]) => danger(`${id} gets ${list} ${is}.`), (was, [id]) => notice(`${id} loses ${list} ${was}.`))
/** An empty list that comes or goes with its row is a difference too, though it moves nothing. */
const moved: Say = ({ path, before, after }) =>
  plain(isEmpty(before) && isEmpty(after) ? `${path.slice(1, -2).map((part) => `${part}: `).join('')}no ${path.at(-2)}.` : `${path.slice(0, -1).join('/')}: the order changes.`)
const isEmpty = (value: Json | undefined): boolean => Array.isArray(value) && value.length === 0

/** For people; the number is what is signed. */
const timeOf = (value: Json | undefined): string => (typeof value === 'number' ? `${new Date(value * 1000).toISOString().replace('.000', '')} (${value})` : show(value))

const gone = (context: Context, table: 'trusts' | 'issuers', id: string | undefined) => !context.after[table].some((row) => row.id === id)

const people: readonly (readonly [string, Say])[] = [
  ['people/*/id', either((is) => danger(`${is} becomes a person of this deployment.`), (was) => notice(`${was} is removed, with every passkey.`))],
  ['people/*/name', label('the name')],
  ['people/*/roles/*', member('role')],
  ['people/*/groups/*', member('group')],
  ['people/*/passkeys/*/id', ({ before, after, names: [id = '', passkey = ''], context }) => passkeyWords(id, passkey, before === undefined, after === undefined, context)],
  ['people/*/passkeys/*/uses/*', ({ before, names: [id, passkey = '', use], context }) => useWords(`${id}: passkey ${nameOfPasskey(context, passkey)}`, before === undefined, use, context.enrolled.has(`${id}/${passkey}`) && !context.before.people.some((row) => row.passkeys.some((held) => held.id === passkey)))],
  ['people/*/passkeys/*/name', ({ names: [id], was, is, before, after }) => plain(before === undefined || after === undefined ? `${id}: the passkey is named ${before === undefined ? is : was}.` : `${id}: passkey ${was} is renamed ${is}.`)],
  ['people/*/passkeys/*/key', ({ names: [id, passkey = ''], before, after, was, is, context }) => (before !== undefined && after !== undefined ? undefined : plain(`${id}: passkey ${nameOfPasskey(context, passkey)} is ${before === undefined ? is : was}.`))],
  ['people/*/passkeys/*/aaguid', ({ names: [id, passkey = ''], before, after, was, is, context }) => (before !== undefined && after !== undefined ? undefined : plain(`${id}: passkey ${nameOfPasskey(context, passkey)} is of model ${before === undefined ? is : was}.`))],
  ['people/*/passkeys/*/synced', ({ names: [id, passkey = ''], before, after, context }) => (before !== undefined && after !== undefined ? undefined : plain(`${id}: passkey ${nameOfPasskey(context, passkey)} ${(before ?? after) === true ? 'may be copied to other devices' : 'stays in one device'}.`))],
  ['people/*/invitation/key', either((is, [id]) => danger(`Whoever holds the invitation code becomes ${id} (${is}).`), (was, [id]) => notice(`The invitation of ${id} ends (${was}).`), (was, is, [id]) => danger(`Another invitation: whoever holds its code becomes ${id} (${is} instead of ${was}).`))],
  ['people/*/invitation/exp', ({ names: [id], before, after }) => (after === undefined ? plain(`${id}: the invitation would have ended at ${timeOf(before)}.`) : before === undefined ? plain(`${id}: the invitation ends at ${timeOf(after)}.`) : danger(`${id}: the invitation ends at ${timeOf(after)} instead of ${timeOf(before)}.`))],
  ['people/*/invitation/uses/*', ({ before, names: [id, use] }) => useWords(`${id}: the invited passkey`, before === undefined, use, false)],
  ['guardians/people/*', either((is) => danger(`${is} becomes a guardian: may approve changes like this one.`), (was) => danger(`${was} is no guardian any more.`))],
  ['guardians/count', ({ before, after, was, is }) => (before === undefined ? danger(`${is} of the guardians must approve a change.`) : typeof after === 'number' && typeof before === 'number' && after > before ? notice(`${is} guardians must approve instead of ${was}.`) : danger(`Only ${is} guardians must approve instead of ${was}.`))],
  ['guardians/window', limit(() => 'A change waits for approvals for', ' s')],
]

function passkeyWords(id: string, passkey: string, comes: boolean, goes: boolean, context: Context): Words | undefined {
  const name = nameOfPasskey(context, passkey)
  if (goes) return notice(`${id} loses passkey ${name} (${passkey}).`)
  if (!comes) return undefined
  return context.enrolled.has(`${id}/${passkey}`) ? plain(`${id}: passkey ${name}, enrolled by invitation, moves into the document (${passkey}).`) : danger(`${id} gets passkey ${name} (${passkey}).`)
}

const useWords = (whose: string, comes: boolean, use: string | undefined, known: boolean): Words => {
  const may = use === 'approve' ? 'approve for others' : use === 'sign_in' ? 'sign in and ask' : `${use}`
  return comes ? { sentence: `${whose} may ${may} (${use}).`, weight: known ? 'plain' : 'danger' } : notice(`${whose} may no longer ${may} (${use}).`)
}

const nameOfPasskey = ({ before, after }: Context, id: string): string => [...after.people, ...before.people].flatMap((row) => row.passkeys).find((held) => held.id === id)?.name ?? id

const machines: readonly (readonly [string, Say])[] = [
  ['services/*/id', either((is) => danger(`Service ${is} is added.`), (was) => notice(`Service ${was} is removed, with every key.`))],
  ['services/*/name', label('the name')],
  ['services/*/roles/*', member('role')],
  ['services/*/groups/*', member('group')],
  ['services/*/owner', either((is, [id]) => plain(`${id}: ${is} answers for it, so approvals by ${is} do not count for it.`), (was, [id]) => danger(`${id}: ${was} answers for it no longer, so approvals by ${was} count for it.`), (was, is, [id]) => danger(`${id}: ${is} answers for it instead of ${was}, whose approvals count for it.`))],
  ['services/*/keys/*/id', either((is, [id]) => danger(`${id} gets key ${is}.`), (was, [id]) => notice(`${id} loses key ${was}.`))],
  ['services/*/keys/*/jwk', either((is, [id, key]) => plain(`${id}: key ${key} is ${is}.`), (was, [id, key]) => plain(`${id}: key ${key} was ${was}.`))],
  ['services/*/keys/order', ({ names: [id], was, is }) => danger(`${id}: the newest key is another, so its rotations begin anew (${was} becomes ${is}).`)],
  ['clients/*/id', either((is) => danger(`Client ${is} is added: it may ask on people’s behalf.`), (was) => notice(`Client ${was} is removed.`))],
  ['clients/*/name', label('the name')],
  ['issuers/*/id', either((is) => danger(`Issuer ${is} is added: its ID tokens become evidence.`), (was) => notice(`Issuer ${was} is removed.`))],
  ['issuers/*/issuer', weighty('its URL')],
  ['issuers/*/jwks_uri', weighty('where its keys come from')],
  ['issuers/*/class', ({ names: [id], before, after, was, is }) => (after === undefined ? plain(`${id}: its class was ${was}.`) : after === 'bound' ? notice(`${id}: only bound ID tokens are taken${before === undefined ? '' : ` instead of ${was}`} (bound).`) : danger(`${id}: ID tokens of class ${is} are taken, which are outside the claim.`))],
  ['issuers/*/max_age', ({ names: [id], context, before, ...rest }) => (gone(context, 'issuers', id) ? plain(`${id}: the greatest age of its ID tokens was ${rest.was} s.`) : before === undefined ? plain(`${id}: its ID tokens are good for ${rest.is} s.`) : limit(() => `${id}: the greatest age of its ID tokens`, ' s')({ names: [id ?? ''], context, before, ...rest }))],
  ['trusts/*/id', either((is) => danger(`Trust ${is} is added: jobs that fit its conditions may ask.`), (was) => notice(`Trust ${was} is removed.`))],
  ['trusts/*/name', label('the name')],
  ['trusts/*/issuer', weighty('the issuer')],
  ['trusts/*/when/*', ({ names: [id], before, after, was, is, context }) => (before === undefined ? plain(`${id}: now asks that ${is}.`) : after === undefined && gone(context, 'trusts', id) ? plain(`${id}: asked that ${was}.`) : danger(`${id}: no longer asks that ${was}.`))],
  ['trusts/*/roles/*', member('role')],
  ['trusts/*/groups/*', member('group')],
  ['trusts/*/owner', either((is, [id]) => plain(`${id}: ${is} answers for it, so approvals by ${is} do not count for it.`), (was, [id]) => danger(`${id}: ${was} answers for it no longer, so approvals by ${was} count for it.`))],
]

/** The first such list narrows what was open to any authenticator; each addition to it widens, and its end opens everything. */
const attested = (comes: string, goes: string): Say => ({ before, after, was, is, context }) => {
  if (before === undefined) return context.before.attestation === undefined ? notice(`${comes} ${is}; until now any could.`) : danger(`${comes} ${is}.`)
  return after !== undefined ? undefined : context.after.attestation === undefined ? danger(`${goes} ${was} only: any may.`) : notice(`${goes} ${was}.`)
}

const rest: readonly (readonly [string, Say])[] = [
  ['version', ({ was, is }) => plain(`Version ${is} follows version ${was}.`)],
  ['previous/*', either((is) => plain(`It follows the version with digest ${is}.`), (was) => plain(`Its predecessor followed the version with digest ${was}.`))],
  ['lineage', ({ before, is }) => (before === undefined ? plain(`The deployment is ${is}.`) : undefined)],
  ['bootstrap', ({ after, was }) => (after === undefined ? notice(`The bootstrap code is worth nothing any more (${was}).`) : undefined)],
  ['deployment/name', ({ was, is }) => plain(`The deployment is named ${is} instead of ${was}.`)],
  ['deployment/console_origins/*', either((is) => danger(`Touches on ${is} count: whoever serves it chooses what people sign.`), (was) => notice(`Touches on ${was} count no longer.`))],
  ['attestation/roots/*', attested('An attestation may end in', 'An attestation may no longer end in')],
  ['attestation/aaguids/*', attested('Authenticators may approve if they are of model', 'Authenticators may no longer approve for being of model')],
  ['grants/max', limit(() => 'A sign-in lasts at most', ' s')],
  ['audiences/*', either((is) => danger(`Tokens may be for ${is}.`), (was) => notice(`Tokens are no longer for ${was}.`))],
  ['default_audience', ({ was, is }) => plain(`Tokens are for ${is} instead of ${was}, unless asked otherwise.`)],
  ['scopes/*', either((is) => danger(`Tokens may have scope ${is}.`), (was) => notice(`Tokens no longer have scope ${was}.`))],
  ['token/max_ttl', limit(() => 'A token lasts at most', ' s')],
  ['token/default_ttl', limit(() => 'A token lasts, unless asked otherwise,', ' s')],
  ['rate', limit(() => 'Requests a minute and principal', '')],
  ['policy', ({ was, is }) => danger(`Another policy decides: ${is} instead of ${was}.`)],
  ...['people', 'clients', 'services', 'issuers', 'trusts', 'audiences', 'scopes', 'previous', 'guardians/people', 'people/*/roles', 'people/*/groups', 'people/*/passkeys', 'people/*/passkeys/*/uses', 'people/*/invitation/uses', 'services/*/roles', 'services/*/groups', 'trusts/*/roles', 'trusts/*/groups', 'trusts/*/when', 'attestation/aaguids', 'attestation/roots', 'deployment/console_origins'].map((list): readonly [string, Say] => [`${list}/order`, moved]),
]

// A list's own `order` before its items, one of which may bear that name: the walker puts both under one path, and only the former has two lists.
const isOrder = (say: Say): Say => (change) => (Array.isArray(change.before) && Array.isArray(change.after) ? say(change) : undefined)
const table: readonly (readonly [string, Say])[] = [...rest.map(([pattern, say]): readonly [string, Say] => [pattern, pattern.endsWith('/order') ? isOrder(say) : say]), ...machines.map(([pattern, say]): readonly [string, Say] => [pattern, pattern.endsWith('/order') ? isOrder(say) : say]), ...people]
