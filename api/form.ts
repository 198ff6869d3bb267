import { fail, type Failure } from '@symbolon/front/failure.ts'

/**
 * RFC 6749, section 3.2: each parameter at most once, an empty one as if it were not there, those that nobody knows ignored.
 * @param known names that mean something here
 */
export function formFields(body: Uint8Array, known: readonly string[]): { readonly ok: true; readonly value: Readonly<Record<string, string>> } | Failure {
  const given = new URLSearchParams(Buffer.from(body).toString('latin1'))
  const twice = known.find((name) => given.getAll(name).length > 1)
  if (twice !== undefined) return fail(['audience', 'resource'].includes(twice) ? 'audience_not_allowed' : 'malformed', { detail: `The parameter ${twice} is given more than once.` })
  return { ok: true, value: Object.fromEntries(known.flatMap((name) => { const value = given.get(name); return value === null || value === '' ? [] : [[name, value]] })) }
}
