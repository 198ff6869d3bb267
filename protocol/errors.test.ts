import { expect, test } from 'vitest'
import { errors, notNowCodes, refusalCodes } from './errors.ts'

test('every code has a face that says what to do', () => {
  for (const [code, face] of Object.entries(errors)) {
    expect(code).toMatch(/^[a-z][a-z0-9_]+$/)
    expect(face.title.length).toBeGreaterThan(5)
    expect(face.remedy).toMatch(/[.]$|`$/)
  }
})

test('a code is a veto or a state, never both', () => expect(refusalCodes.filter((code) => (notNowCodes as string[]).includes(code))).toEqual([]))

test('TST-32 no state of a machine is a veto', () => {
  for (const code of ['busy', 'limited', 'timed_out', 'ill', 'roster_behind', 'policy_behind', 'epoch_unknown', 'bytes_differ', 'commitment_unknown'] as const) expect(notNowCodes).toContain(code)
})

test('OAuth faces are registered codes', () => {
  const registered = ['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'access_denied', 'invalid_target', 'invalid_dpop_proof', 'insufficient_user_authentication', 'server_error', 'temporarily_unavailable', 'unsupported_token_type', 'authorization_pending', 'slow_down', 'expired_token']
  for (const face of Object.values(errors)) expect(registered).toContain(face.oauth)
})
