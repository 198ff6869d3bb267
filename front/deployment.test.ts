import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import { encodeRoster, type Roster } from '@symbolon/roster/roster.ts'
import { loadDeployment } from './deployment.ts'

const { roster } = makeWorld()
const keyset = { keyset: keysetOf(roster), signatures: [{ signer: 1, iat: 1, signature: 'A'.repeat(86) }] }
const folder = mkdtempSync(join(tmpdir(), 'symbolon-deployment-'))
afterAll(() => rmSync(folder, { recursive: true }))

const write = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const good = { roster: write('roster.json', encodeRoster(roster)), keyset: write('keyset.json', JSON.stringify(keyset)) }

/** The code with which the start is refused. */
function refusal(files: Partial<typeof good>): unknown {
  try {
    loadDeployment({ ...good, ...files })
    return 'started'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
const altered = (name: string, change: Partial<Roster>): string => write(name, encodeRoster({ ...roster, ...change }))

test('what the ceremony left is taken', () => expect(loadDeployment(good)).toMatchObject({ lineage: lineageOf(roster), group: { purpose: 'token', t: 2 } }))

test.each([
  ['no roster', { roster: '/nonexistent/roster.json' }, 'file_unreadable'],
  ['a roster that is not canonical', { roster: write('a.json', JSON.stringify(roster, undefined, 2)) }, 'roster_unreadable'],
  ['a roster with a stranger’s field', { roster: write('b.json', encodeRoster({ ...roster, extra: 1 } as Roster)) }, 'roster_unreadable'],
  ['a roster without audiences (T-2)', { roster: write('c.json', encodeRoster({ ...roster, audiences: [] })) }, 'roster_unreadable'],
  ['a roster that contradicts itself', { roster: altered('d.json', { default_audience: 'https://none.example' }) }, 'roster_unsound'],
  ['a roster without a token group', { roster: altered('e.json', { groups: roster.groups.map((group) => ({ ...group, purpose: 'log' as const })) }) }, 'roster_unsound'],
  ['no keyset', { keyset: '/nonexistent/keyset.json' }, 'file_unreadable'],
  ['a keyset that is none', { keyset: write('f.json', '{}') }, 'keyset_unreadable'],
  ['a keyset of another roster', { keyset: write('g.json', JSON.stringify({ ...keyset, keyset: { ...keyset.keyset, policy: lineageOf(roster) } })) }, 'keyset_of_another_roster'],
] as const)('U-5 %s stops the start', (_name, files, code) => expect(refusal(files)).toBe(code))
