import { describe, expect, test } from 'vitest'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { readFileSync } from 'node:fs'
import { checkPolicyData, decodePolicyData, encodePolicyData, policyBytesLimit } from './data.ts'
import { defaultData } from './files.ts'

const engineer = { allow_scopes: ['read:logs'], max_ttl_seconds: 1800 }
const empty = { principals: [], roles: [], groups: [], clients: [], scopes: [], audiences: [], addresses: [] }
const pointers = (value: unknown) => {
  const decoded = checkPolicyData(value)
  return decoded.ok ? 'ok' : decoded.problems.map((problem) => problem.pointer)
}

describe('policy data', () => {
  test('S4-42 a plain role map is a whole policy', () => {
    const decoded = decodePolicyData(utf8('{"roles": {"engineer": {"allow_scopes": ["read:logs"], "max_ttl_seconds": 1800}}}'))
    expect(decoded).toEqual({ ok: true, value: { roles: { engineer }, scopes: {}, deny: empty } })
  })

  test('what the manual shows is one', () => {
    const [, example = ''] = /```json\n(.*?)```/s.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8')) ?? []
    expect(decodePolicyData(utf8(example))).toMatchObject({ ok: true, value: { roles: { payments: { secrets: [{}, { touch: true }] } } } })
  })

  test('two spellings of one policy are one policy', () => {
    const spelt = checkPolicyData({ roles: { engineer }, scopes: {}, deny: { ...empty } })
    const short = checkPolicyData({ deny: { roles: [] }, roles: { engineer } })
    expect(spelt).toEqual(short)
    if (spelt.ok && short.ok) expect(Buffer.from(encodePolicyData(spelt.value)).equals(encodePolicyData(short.value))).toBe(true)
  })

  test('what is encoded decodes to the same', () => {
    const decoded = decodePolicyData(readFileSync(defaultData))
    if (decoded.ok) expect(decodePolicyData(encodePolicyData(decoded.value))).toEqual(decoded)
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        roles: {
          engineer: { allow_scopes: ['read:logs', 'write:staging', 'deploy:canary', 'secret:read', 'secret:list', 'secret:write', 'secret:delete'], max_ttl_seconds: 3600 },
          sre: { allow_scopes: ['read:logs', 'write:staging', 'deploy:canary', 'write:prod', 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy'], max_ttl_seconds: 1800 },
        },
      },
    })
  })

  test.each([
    ['an unknown field', { roles: { engineer }, role: {} }, ['']],
    ['an unknown field of a role', { roles: { engineer: { ...engineer, ttl: 1 } } }, ['/roles/engineer']],
    ['no roles', {}, ['/roles']],
    ['T-2 an empty table of roles', { roles: {} }, ['/roles']],
    ['T-2 a role without scopes', { roles: { engineer: { ...engineer, allow_scopes: [] } } }, ['/roles/engineer/allow_scopes']],
    ['T-2 an empty list of audiences', { roles: { engineer: { ...engineer, audiences: [] } } }, ['/roles/engineer/audiences']],
    ['a role twice in a list', { roles: { engineer: { ...engineer, allow_scopes: ['a', 'a'] } } }, ['/roles/engineer/allow_scopes']],
    ['Z-2 a wildcard', { roles: { engineer: { ...engineer, allow_scopes: ['read:*'] } } }, ['/roles/engineer/allow_scopes/0']],
    ['Z-1 a role in upper case', { roles: { Engineer: engineer } }, ['/roles/Engineer']],
    ['a lifetime of nothing', { roles: { engineer: { ...engineer, max_ttl_seconds: 0 } } }, ['/roles/engineer/max_ttl_seconds']],
    ['a lifetime as text', { roles: { engineer: { ...engineer, max_ttl_seconds: '1800' } } }, ['/roles/engineer/max_ttl_seconds']],
    ['a lifetime beyond the cap of all tokens', { roles: { engineer: { ...engineer, max_ttl_seconds: 86_401 } } }, ['/roles/engineer/max_ttl_seconds']],
    ['A-1 an approval rule of none', { roles: { engineer }, scopes: { 'read:logs': { approvals: [{ group: 'ops', count: 0 }] } } }, ['/scopes/read:logs/approvals/0/count']],
    ['A-1 an approval rule below none', { roles: { engineer }, scopes: { 'read:logs': { approvals: [{ group: 'ops', count: -1 }] } } }, ['/scopes/read:logs/approvals/0/count']],
    ['A-1 an approval rule without a count', { roles: { engineer }, scopes: { 'read:logs': { approvals: [{ group: 'ops' }] } } }, ['/scopes/read:logs/approvals/0/count']],
    ['A-1 an approval rule without a group', { roles: { engineer }, scopes: { 'read:logs': { approvals: [{ count: 1 }] } } }, ['/scopes/read:logs/approvals/0/group']],
    ['A-1 no approval rule where there should be one', { roles: { engineer }, scopes: { 'read:logs': { approvals: [] } } }, ['/scopes/read:logs/approvals']],
    ['A-1 two rules for one group', { roles: { engineer }, scopes: { 'read:logs': { approvals: [{ group: 'ops', count: 1 }, { group: 'ops', count: 2 }] } } }, ['/scopes/read:logs/approvals']],
    ['a rule that asks for nothing', { roles: { engineer }, scopes: { 'read:logs': {} } }, ['/scopes/read:logs']],
    ['touch: false, which reads like a switch', { roles: { engineer }, scopes: { 'read:logs': { touch: false } } }, ['/scopes/read:logs/touch']],
    ['a rule for a scope that no role has', { roles: { engineer }, scopes: { 'read:log': { touch: true } } }, ['/scopes/read:log']],
    ['a denied role that does not exist', { roles: { engineer }, deny: { roles: ['enginer'] } }, ['/deny/roles/0']],
    ['an unknown list of the deny list', { roles: { engineer }, deny: { people: ['ann'] } }, ['/deny']],
    ['a denied address in upper case', { roles: { engineer }, deny: { addresses: ['2001:DB8::1'] } }, ['/deny/addresses/0']],
  ])('%s is refused', (_, value, where) => expect(pointers(value)).toEqual(where))

  test.each([
    ['a duplicate member', '{"roles":{},"roles":{"e":{"allow_scopes":["a"],"max_ttl_seconds":1}}}', 'duplicate_member'],
    ['a forbidden member', '{"roles":{"__proto__":{"allow_scopes":["a"],"max_ttl_seconds":1}}}', 'forbidden_member'],
    ['a comment', '{"roles":{} /* none */}', 'not_json'],
    ['nothing', '', 'not_json'],
  ])('%s is refused', (_, text, reason) => expect(decodePolicyData(utf8(text))).toMatchObject({ ok: false, reason }))

  test('too large a file is refused unread', () => expect(decodePolicyData(new Uint8Array(policyBytesLimit + 1))).toMatchObject({ ok: false, reason: 'too_large' }))
})
