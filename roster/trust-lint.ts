import { idInsteadOf, isIdentifying, sentAsText, subjectForms } from './platforms.ts'
import type { Condition, RosterTemplate, Trust } from './roster.ts'

/** Why a trust may not be loaded. Stable codes; `did_you_mean` is what its author may have wanted. */
export interface LintProblem {
  /** Id of the trust. */
  readonly trust: string
  /** RFC 6901, into the roster. */
  readonly pointer: string
  readonly code: LintCode
  readonly message: string
  readonly did_you_mean?: string
}

export type LintCode =
  | 'no_test'
  | 'several_tests'
  | 'looks_like_regex'
  | 'crosses_slash'
  | 'crosses_label'
  | 'unknown_wildcard'
  | 'matches_everything'
  | 'pattern_without_wildcard'
  | 'pattern_on_id'
  | 'wildcard_in_exact_value'
  | 'sent_as_text'
  | 'name_instead_of_id'
  | 'identifies_nobody'

type Finding = Pick<LintProblem, 'code' | 'message' | 'did_you_mean'>

/** Every trust of the roster. No plan and no process takes a roster with a problem. @returns all problems, empty for a sound roster */
export const lintTrusts = ({ trusts }: Pick<RosterTemplate, 'trusts'>): LintProblem[] => trusts.flatMap((trust, at) => lintTrust(trust, `/trusts/${at}`))

/** The trusts that count: one that lint refuses matches nobody, whoever let it into the roster. */
export function soundTrusts(roster: Pick<RosterTemplate, 'trusts'>): Trust[] {
  const flawed = new Set(lintTrusts(roster).map(({ trust }) => trust))
  return roster.trusts.filter(({ id }) => !flawed.has(id))
}

/** One line for whoever wrote the trust. */
export const describeLint = ({ trust, pointer, code, message, did_you_mean }: LintProblem): string =>
  `trusts: ${trust}: ${pointer}: ${message} (${code})${did_you_mean === undefined ? '' : `; did you mean ${did_you_mean}?`}`

function lintTrust(trust: Trust, pointer: string): LintProblem[] {
  const problem = (where: string) => (finding: Finding): LintProblem => ({ trust: trust.id, pointer: `${pointer}${where}`, ...finding })
  return [
    ...trust.when.flatMap((condition, at) => [...lintTest(condition), ...lintName(condition, trust)].map(problem(`/when/${at}`))),
    ...(trust.when.some((condition) => isIdentifying(condition.claim) && condition.pattern === undefined) ? [] : [identifiesNobody].map(problem('/when'))),
  ]
}

const identifiesNobody: Finding = {
  code: 'identifies_nobody',
  message: 'no condition names an immutable id, so somebody else may come to hold the same claims',
  did_you_mean: 'a condition with equals on an id: repository_id, project_id, pipeline_id, kubernetes.io/serviceaccount/uid, sub …',
}

function lintTest(condition: Condition): Finding[] {
  const { equals, one_of, pattern } = condition
  const tests = [equals, one_of, pattern].filter((test) => test !== undefined).length
  if (tests === 0) return [{ code: 'no_test', message: 'says nothing about the claim', did_you_mean: 'equals' }]
  if (tests > 1) return [{ code: 'several_tests', message: 'only one of equals, one_of and pattern may stand in a condition', did_you_mean: 'two conditions on the same claim' }]
  return pattern === undefined ? [...lintExact(condition)] : lintPattern(condition.claim, pattern)
}

function lintExact({ claim, equals, one_of }: Condition): Finding[] {
  const exact = [...(equals === undefined ? [] : [equals]), ...(one_of ?? [])]
  const globs = exact.filter((value) => typeof value === 'string' && /[*?]/.test(value))
  return [
    ...globs.map((value): Finding => ({ code: 'wildcard_in_exact_value', message: `${value} is compared as it stands; its wildcard is only a character`, did_you_mean: `"pattern": "${value}"` })),
    ...(typeof equals !== 'string' && equals !== undefined && sentAsText.has(claim) ? [{ code: 'sent_as_text', message: `the platforms send ${claim} as text`, did_you_mean: `"equals": "${equals}"` } satisfies Finding] : []),
  ]
}

/**
 * `^ $ \ ( ) [ ] | { }` and `.* .+`: whoever writes these thinks of a regular expression, and of one that nothing anchors. After a
 * digit or a `*` the dot is that of a version (`v1.*`).
 */
const regexLike = /[\^$\\()[\]|{}]|(?<![0-9*])\.[*+]/

function lintPattern(claim: string, pattern: string): Finding[] {
  const findings: Finding[] = []
  const find = (when: boolean, code: LintCode, message: string, did_you_mean: string | undefined) => when && findings.push({ code, message, ...(did_you_mean === undefined ? {} : { did_you_mean }) })
  const regex = regexLike.test(pattern)
  find(regex, 'looks_like_regex', 'patterns are literal text with *, anchored at both ends; they are no regular expressions', withoutRegex(pattern))
  if (regex) return findings
  find(pattern.includes('**'), 'crosses_slash', '* never crosses /, and neither do two of them', pattern.replaceAll(/\*{2,}/g, '*'))
  find(pattern.includes('?'), 'unknown_wildcard', '? is an ordinary character; the only wildcard is *', pattern.replaceAll('?', '*'))
  find(crossesLabel(pattern), 'crosses_label', '* in a host name would match any number of DNS labels', 'the exact host')
  find(/^[*/]+$/.test(pattern), 'matches_everything', 'this matches whatever the claim holds', undefined)
  find(!/[*?]/.test(pattern), 'pattern_without_wildcard', 'a pattern without * is an exact value', `"equals": "${pattern}"`)
  find(isIdentifying(claim) || Object.hasOwn(idInsteadOf, claim), 'pattern_on_id', `${claim} says who it is: it is compared exactly, never in part`, 'equals or one_of')
  return findings
}

/** The pattern that the author of a regular expression may have meant, if there is one. */
function withoutRegex(pattern: string): string | undefined {
  const plain = pattern
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replaceAll(/\[\^\/\][*+]|\.[*+]/g, '*')
    .replaceAll(/\\([./-])/g, '$1')
    .replaceAll(/\*{2,}/g, '*')
  if (!regexLike.test(plain) && !plain.includes('?')) return plain.includes('*') ? `"pattern": "${plain}"` : `"equals": "${plain}"`
  const alternatives = /^\(?([A-Za-z0-9_/.-]+(?:\|[A-Za-z0-9_/.-]+)+)\)?$/.exec(plain)?.[1]
  return alternatives === undefined ? undefined : `"one_of": ${JSON.stringify(alternatives.split('|'))}`
}

/** A wildcard where a host name stands: after `://`, or as the first segment when that is made of dotted labels. */
function crossesLabel(pattern: string): boolean {
  const [, authority] = /^[a-z+.-]+:\/\/([^/]*)/.exec(pattern) ?? []
  if (authority !== undefined) return authority.includes('*')
  return /^[a-z0-9-]*\*[a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}$/i.test(pattern.split('/')[0] ?? '')
}

/** A name is welcome beside the id of the same thing, never instead of it. */
function lintName({ claim, equals, one_of }: Condition, trust: Trust): Finding[] {
  const subject = [...(typeof equals === 'string' ? [equals] : []), ...(one_of ?? [])].map((value) => subjectForms.find(({ prefix }) => value.startsWith(prefix))).find((form) => form !== undefined)
  const instead = Object.hasOwn(idInsteadOf, claim) ? idInsteadOf[claim] : claim === 'sub' ? subject?.id : undefined
  if (instead === undefined || trust.when.some((other) => other.claim === instead && other.pattern === undefined)) return []
  return [{ code: 'name_instead_of_id', message: `${claim} holds a name, which is given away again after a deletion or a rename`, did_you_mean: `{"claim": "${instead}", "equals": "…"}` }]
}
