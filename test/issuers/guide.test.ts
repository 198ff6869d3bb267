import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { document } from '@symbolon/evidence/evidence.testkit.ts'
import { matches, type Claims } from '@symbolon/evidence/trust.ts'
import { problemsOf, template } from '@symbolon/roster/roster.ts'
import { defaultClaims, optionalClaims } from './platforms.ts'

/* The rows that docs/ci-identities.md shows are sound, and each takes its own platform's job and no other. */

const guide = readFileSync(join(import.meta.dirname, '../../docs/ci-identities.md'), 'utf8')
const [, block = ''] = /```json\n(.*?)```/s.exec(guide) ?? []
const rows = template.pick({ issuers: true, trusts: true }).strict().parse(JSON.parse(block))
const claimsOf = { github: defaultClaims.github, buildkite: { ...defaultClaims.buildkite, ...optionalClaims }, cluster: defaultClaims.kubernetes, gitlab: defaultClaims.gitlab }

describe('docs/ci-identities.md', () => {
  test('shows rows that a roster may have', () => expect(problemsOf(document(rows))).toEqual([]))

  test.each(Object.entries(claimsOf))('its trusts take one job of %s, and the trust is of that issuer', (issuer, claims) => {
    expect(rows.trusts.filter((trust) => matches(trust, claims as Claims)).map((trust) => trust.issuer)).toEqual([issuer])
  })

  test.each(['pull_request', 'pull_request_target'])('as it says, %s is refused', (event_name) => {
    expect(rows.trusts.filter((trust) => matches(trust, { ...defaultClaims.github, event_name } as Claims))).toEqual([])
  })
})
