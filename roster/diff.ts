import { canonical, type Json } from '@symbolon/protocol/json.ts'
import { effectiveRoster, type Entries } from './effective.ts'
import { describe, type Weight } from './diff-words.ts'
import type { Roster } from './roster.ts'

/* What a change changes, for the people who are asked to approve it. Every leaf that differs is in some line, whether it has words of its own or not. */

export interface DiffLine {
  /** Where: `people/ann/roles`. Rows by id, not by position. */
  readonly path: string
  /** One line of ASCII. */
  readonly sentence: string
  /** `danger`: somebody may do more after it, or something guards less. `notice`: somebody may do less. `plain`: neither. */
  readonly weight: Weight
}

/** One place where two documents differ. Exactly one of both may be absent. */
export interface Difference {
  readonly path: readonly string[]
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** @param entries certified ones: what a row did to itself counts as being there already. Dangers first. */
export function diffRosters(before: Roster, after: Roster, entries: Entries = []): readonly DiffLine[] {
  const context = { before, after, enrolled: enrolledIn(before, entries) }
  const lines = differences(before as Json, after as Json).map((difference) => ({ path: difference.path.join('/'), ...describe(difference, context) }))
  const all = [...lines, ...losses(before, after, entries)]
  const order: readonly Weight[] = ['danger', 'notice', 'plain']
  return order.flatMap((weight) => all.filter((line) => line.weight === weight))
}

const enrolledIn = (document: Roster, entries: Entries): ReadonlySet<string> => new Set(effectiveRoster(document, entries).people.flatMap((row) => row.passkeys.map(({ id }) => `${row.id}/${id}`)))

/** What rows did to themselves and would lose, though no document ever said it. */
function losses(before: Roster, after: Roster, entries: Entries): DiffLine[] {
  const was = effectiveRoster(before, entries)
  const will = effectiveRoster(after, entries)
  const passkeys = was.people.flatMap((row) => {
    const stays = will.people.find(({ id }) => id === row.id)
    const stood = before.people.find(({ id }) => id === row.id)?.passkeys ?? []
    const lost = row.passkeys.filter(({ id }) => !stood.some((other) => other.id === id) && stays?.passkeys.some((other) => other.id === id) !== true)
    return lost.map(({ id, name }) => ({ path: `people/${row.id}/passkeys/${id}`, sentence: `${row.id} loses passkey ${name}, which came in by an invitation.`, weight: 'notice' as const }))
  })
  const keys = was.services.flatMap((row) => {
    const stays = will.services.find(({ id }) => id === row.id)
    const stood = before.services.find(({ id }) => id === row.id)?.keys ?? []
    const lost = row.keys.filter(({ id }) => !stood.some((other) => other.id === id) && stays?.keys.some((other) => other.id === id) !== true)
    return lost.map(({ id }) => ({ path: `services/${row.id}/keys/${id}`, sentence: `${row.id} loses key ${id}, to which it rotated.`, weight: 'notice' as const }))
  })
  return [...passkeys, ...keys]
}

/* The documents, member by member */

type Members = Readonly<Record<string, Json>>
const isObject = (value: Json | undefined): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value)
const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)
/** A key is one thing, though JSON spells it in several members. */
const isKey = (value: Json | undefined): boolean => isObject(value) && 'kty' in value

const equal = (a: Json | undefined, b: Json | undefined): boolean => a === b || (a !== undefined && b !== undefined && spelled(a) === spelled(b))
const spelled = (value: Json): string => new TextDecoder().decode(canonical(value))

export function differences(before: Json | undefined, after: Json | undefined, path: readonly string[] = []): readonly Difference[] {
  if (equal(before, after)) return []
  const [a, b] = [before ?? emptyLike(after), after ?? emptyLike(before)]
  if (isObject(a) && isObject(b) && !isKey(a) && !isKey(b)) {
    const inside = [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) => differences(a[name], b[name], [...path, name]))
    // An object that comes or goes without any member is a difference all the same.
    return inside.length > 0 ? inside : [{ path, before, after }]
  }
  if (isList(a) && isList(b)) return listDifferences(a, b, path)
  return [{ path, before, after }]
}

const emptyLike = (value: Json | undefined): Json | undefined => (isObject(value) && !isKey(value) ? {} : isList(value) ? [] : undefined)

/** Rows by their id; anything else by what it says. Where one stands matters too: a service's newest key is its first. */
function listDifferences(before: readonly Json[], after: readonly Json[], path: readonly string[]): readonly Difference[] {
  const [was, is] = [byName(before), byName(after)]
  if (was === undefined || is === undefined) return [{ path, before, after }]
  const inside = [...new Set([...was.keys(), ...is.keys()])].flatMap((name) => itemDifferences(was.get(name), is.get(name), [...path, name]))
  const stayed = (list: ReadonlyMap<string, Json>, other: ReadonlyMap<string, Json>) => [...list.keys()].filter((name) => other.has(name))
  const [orderBefore, orderAfter] = [stayed(was, is), stayed(is, was)]
  const moved = orderBefore.some((name, at) => orderAfter[at] !== name) || (path.at(-1) === 'keys' && [...was.keys()][0] !== [...is.keys()][0] && was.size > 0 && is.size > 0)
  return moved || inside.length === 0 ? [...inside, { path: [...path, 'order'], before: [...was.keys()], after: [...is.keys()] }] : inside
}

const itemDifferences = (before: Json | undefined, after: Json | undefined, path: readonly string[]): readonly Difference[] =>
  isObject(before ?? after) && nameOf(before ?? after) !== undefined ? differences(before, after, path) : equal(before, after) ? [] : [{ path, before, after }]

/** @returns undefined if two have one name: such a list is shown as a whole */
function byName(list: readonly Json[]): ReadonlyMap<string, Json> | undefined {
  const named = new Map(list.map((item) => [nameOf(item) ?? (typeof item === 'string' ? item : spelled(item)), item]))
  return named.size === list.length ? named : undefined
}

function nameOf(item: Json | undefined): string | undefined {
  if (!isObject(item)) return undefined
  const { id, kid, purpose, epoch } = item
  if (typeof purpose === 'string') return `${purpose}-${typeof epoch === 'number' ? epoch : ''}`
  return typeof id === 'string' || typeof id === 'number' ? `${id}` : typeof kid === 'string' ? kid : undefined
}
