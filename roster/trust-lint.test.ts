import { describe, expect, test } from 'vitest'
import type { Condition } from './roster.ts'
import { describeLint, lintTrusts, type LintCode } from './trust-lint.ts'

const id: Condition = { claim: 'repository_id', equals: '42' }
const lint = (...when: Condition[]) => lintTrusts({ trusts: [{ id: 'deploy', name: 'D', issuer: 'ci', when, roles: [], groups: [] }] })

describe('Z-6 patterns that say something else than they seem to are refused when a roster is loaded', () => {
  test.each<[string, LintCode, string | undefined]>([
    ['^refs/heads/.*$', 'looks_like_regex', '"pattern": "refs/heads/*"'],
    ['refs/heads/.*', 'looks_like_regex', '"pattern": "refs/heads/*"'],
    ['refs/heads/.+', 'looks_like_regex', '"pattern": "refs/heads/*"'],
    ['^main$', 'looks_like_regex', '"equals": "main"'],
    ['refs/heads/[^/]+', 'looks_like_regex', '"pattern": "refs/heads/*"'],
    [String.raw`v1\.2`, 'looks_like_regex', '"equals": "v1.2"'],
    ['(main|stable)', 'looks_like_regex', '"one_of": ["main","stable"]'],
    ['main|stable', 'looks_like_regex', '"one_of": ["main","stable"]'],
    ['release-[0-9]*', 'looks_like_regex', undefined],
    ['release-{1,2}', 'looks_like_regex', undefined],
    ['refs/heads/**', 'crosses_slash', 'refs/heads/*'],
    ['refs/heads/v?', 'unknown_wildcard', 'refs/heads/v*'],
    ['*', 'matches_everything', undefined],
    ['*/*', 'matches_everything', undefined],
    ['main', 'pattern_without_wildcard', '"equals": "main"'],
    ['*.example.com', 'crosses_label', 'the exact host'],
    ['ci*.example.com/group/project', 'crosses_label', 'the exact host'],
    ['https://*.example.com/x', 'crosses_label', 'the exact host'],
    ['https://*', 'crosses_label', 'the exact host'],
  ])('%s: %s, did you mean %s', (pattern, code, meant) => {
    expect(lint(id, { claim: 'ref', pattern })).toEqual([{ trust: 'deploy', pointer: '/trusts/0/when/1', code, message: expect.any(String) as string, ...(meant === undefined ? {} : { did_you_mean: meant }) }])
  })

  test.each(['refs/heads/release-*', 'refs/tags/v*.*', 'acme/app/.github/workflows/*.yml@refs/heads/main', 'https://ci.example/group/*', 'release-1.*'])('%s is what it seems', (pattern) =>
    expect(lint(id, { claim: 'ref', pattern })).toEqual([]))
})

describe('S-4 names are no ids', () => {
  test.each<[string, Condition[], string[]]>([
    ['a repository by name', [{ claim: 'repository', equals: 'acme/app' }], ['name_instead_of_id {"claim": "repository_id", "equals": "…"}', 'identifies_nobody']],
    ['an owner by name', [{ claim: 'repository_owner', one_of: ['acme'] }], ['name_instead_of_id {"claim": "repository_owner_id", "equals": "…"}', 'identifies_nobody']],
    ['a repository by name beside its owner’s id', [{ claim: 'repository_owner_id', equals: '1' }, { claim: 'repository', equals: 'acme/app' }], ['name_instead_of_id {"claim": "repository_id", "equals": "…"}']],
    ['a project by path', [{ claim: 'project_path', equals: 'g/p' }], ['name_instead_of_id {"claim": "project_id", "equals": "…"}', 'identifies_nobody']],
    ['a pipeline by slug', [{ claim: 'pipeline_slug', equals: 'deploy' }, { claim: 'organization_id', equals: 'uuid' }], ['name_instead_of_id {"claim": "pipeline_id", "equals": "…"}']],
    ['a service account by name', [{ claim: 'kubernetes.io/serviceaccount/name', equals: 'ci' }], ['name_instead_of_id {"claim": "kubernetes.io/serviceaccount/uid", "equals": "…"}', 'identifies_nobody']],
    ['GitHub’s sub alone', [{ claim: 'sub', equals: 'repo:acme/app:ref:refs/heads/main' }], ['name_instead_of_id {"claim": "repository_id", "equals": "…"}']],
    ['GitLab’s sub alone', [{ claim: 'sub', equals: 'project_path:g/p:ref_type:branch:ref:main' }], ['name_instead_of_id {"claim": "project_id", "equals": "…"}']],
    ['Kubernetes’ sub alone', [{ claim: 'sub', one_of: ['x', 'system:serviceaccount:ns:ci'] }], ['name_instead_of_id {"claim": "kubernetes.io/serviceaccount/uid", "equals": "…"}']],
    ['Buildkite’s sub alone', [{ claim: 'sub', equals: 'organization:acme:pipeline:deploy:ref:refs/heads/main:commit:x:step:y' }], ['name_instead_of_id {"claim": "pipeline_id", "equals": "…"}']],
    ['nothing that lasts', [{ claim: 'environment', equals: 'production' }], ['identifies_nobody']],
    ['the id of one run', [{ claim: 'run_id', equals: '1' }], ['identifies_nobody']],
    ['a pattern on an id', [{ claim: 'repository_id', pattern: '4*' }], ['pattern_on_id equals or one_of', 'identifies_nobody']],
    ['a name beside a part of its id', [{ claim: 'repository', equals: 'acme/app' }, { claim: 'repository_id', pattern: '4*' }], ['name_instead_of_id {"claim": "repository_id", "equals": "…"}', 'pattern_on_id equals or one_of', 'identifies_nobody']],
    ['a pattern on sub', [id, { claim: 'sub', pattern: 'repo:acme/*' }], ['pattern_on_id equals or one_of']],
    ['a pattern on a name', [id, { claim: 'repository', pattern: 'acme/*' }], ['pattern_on_id equals or one_of']],
    ['a wildcard in equals', [id, { claim: 'ref', equals: 'refs/heads/*' }], ['wildcard_in_exact_value "pattern": "refs/heads/*"']],
    ['a wildcard in one_of', [id, { claim: 'ref', one_of: ['main', 'v?'] }], ['wildcard_in_exact_value "pattern": "v?"']],
    ['an id as number', [{ claim: 'repository_id', equals: 42 }], ['sent_as_text "equals": "42"']],
    ['a boolean that is sent as text', [id, { claim: 'ref_protected', equals: true }], ['sent_as_text "equals": "true"']],
    ['U-5 no test at all', [id, { claim: 'ref' }], ['no_test equals']],
    ['two tests in one', [id, { claim: 'ref', equals: 'main', pattern: 'm*' }], ['several_tests two conditions on the same claim']],
  ])('%s is refused', (_, when, expected) => {
    expect(lint(...when).map(({ code, did_you_mean }) => (code === 'identifies_nobody' ? code : `${code} ${did_you_mean}`))).toEqual(expected)
  })

  test.each<[string, Condition[]]>([
    ['the id, and the name for people', [id, { claim: 'repository', equals: 'acme/app' }, { claim: 'sub', equals: 'repo:acme/app:ref:refs/heads/main' }]],
    ['an owner by id', [{ claim: 'repository_owner_id', equals: '1' }, { claim: 'environment', equals: 'production' }]],
    ['a service account by uid', [{ claim: 'kubernetes.io/serviceaccount/uid', equals: 'u' }, { claim: 'kubernetes.io/namespace', equals: 'ns' }]],
    ['a sub that is an id, as OpenID Connect wants it', [{ claim: 'sub', equals: '248289761001' }]],
    ['a number that is sent as one', [id, { claim: 'build_number', equals: 7 }]],
    ['an object id of another issuer', [{ claim: 'oid', equals: 'x' }]],
  ])('%s is taken', (_, when) => expect(lint(...when)).toEqual([]))

  test('every trust is looked at, and the problem points at it, in one line', () => {
    const row = (name: string, ...when: Condition[]) => ({ id: name, name, issuer: 'ci', when, roles: [], groups: [] })
    const problems = lintTrusts({ trusts: [row('good', id), row('bad', id, { claim: 'ref', pattern: '.*' })] })
    expect(problems.map(({ trust, pointer }) => [trust, pointer])).toEqual([['bad', '/trusts/1/when/1']])
    expect(problems.map(describeLint)).toEqual(['trusts: bad: /trusts/1/when/1: patterns are literal text with *, anchored at both ends; they are no regular expressions (looks_like_regex); did you mean "pattern": "*"?'])
  })
})
