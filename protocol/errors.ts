/**
 * What the outside sees of a failure: a closed list of stable codes. Internal reasons are mapped onto these, never passed through.
 *
 * - `refused`: a judgement. A signer signs it, and it is a veto that counts.
 * - `not_now`: the state of the machine that answers (behind, busy, limited, ill). Never a veto.
 * - `request`: the request itself cannot be read; nothing was judged.
 */
type Family = 'refused' | 'not_now' | 'request'

interface Face {
  readonly family: Family
  /** HTTP status at the api. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 503 | 504
  /** RFC 6749, section 5.2, and the registries of RFC 8693 and RFC 9449; for `/oauth/…`. */
  readonly oauth: string
  readonly title: string
  /** What the reader can do about it. */
  readonly remedy: string
}

const refused = (status: 400 | 401 | 403 | 409, oauth: string, title: string, remedy: string) => ({ family: 'refused', status, oauth, title, remedy }) as const
const notNow = (status: 429 | 503 | 504, title: string, remedy: string) => ({ family: 'not_now', status, oauth: 'temporarily_unavailable', title, remedy }) as const
const request = (status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 500, title: string, remedy: string, oauth = 'invalid_request') => ({ family: 'request', status, oauth, title, remedy }) as const

export const errors = {
  // The intent
  intent_malformed: refused(400, 'invalid_request', 'The intent is not an intent', 'Build it with the SDK or CLI, or compare it with the schema in /openapi.json.'),
  intent_not_canonical: refused(400, 'invalid_request', 'The intent is not in canonical form', 'Encode it by RFC 8785 (for example `jq -cjS`).'),
  wrong_deployment: refused(403, 'invalid_request', 'The intent was made for another deployment', 'Take iss and lineage from this deployment’s keyset.'),
  intent_expired: refused(403, 'invalid_request', 'The intent has expired', 'Make a new intent; check the clock of the machine that made it.'),
  intent_not_yet_valid: refused(403, 'invalid_request', 'The intent’s iat is in the future', 'Check the clock of the machine that made the intent.'),
  intent_window_too_long: refused(403, 'invalid_request', 'The intent is valid for too long', 'Let exp be at most 300 seconds after iat.'),
  intent_bound_otherwise: refused(409, 'invalid_grant', 'This intent was already answered with other bytes or other evidence', 'Make a new intent with a fresh nonce.'),
  client_unknown: refused(403, 'invalid_client', 'The client is not in the roster', 'Use the id of a client in the roster, or the service’s own id.'),
  impersonation_not_allowed: refused(403, 'access_denied', 'Acting as somebody else is not allowed here', 'Leave out `as`.'),

  // Evidence
  evidence_malformed: refused(400, 'invalid_request', 'The evidence cannot be read', 'Compare it with the schema in /openapi.json.'),
  evidence_ambiguous: refused(400, 'invalid_request', 'More than one item of evidence names a principal', 'Send exactly one.'),
  evidence_kind_unsupported: refused(400, 'unsupported_token_type', 'This kind of evidence is not supported', 'Use key, id_token or token.'),
  evidence_spent: refused(409, 'invalid_grant', 'This evidence was already used for another intent', 'Fetch fresh evidence for this intent.'),
  subject_mismatch: refused(403, 'invalid_grant', 'The evidence yields another principal than the intent names', 'Let the intent’s sub be the roster id that the evidence yields.'),
  key_unknown: refused(401, 'invalid_client', 'The key is not in the roster', 'Register the key, or use the current or previous key of the row.'),
  proof_invalid: refused(401, 'invalid_grant', 'The proof does not verify', 'Sign the proof with the key that the evidence names.'),
  proof_mismatch: refused(403, 'invalid_grant', 'The proof is for another intent', 'Sign a proof over this intent’s digest, kind and deployment.'),
  proof_expired: refused(403, 'invalid_grant', 'The proof is too old or from the future', 'Sign a new proof; check the clock.'),
  issuer_unknown: refused(401, 'invalid_grant', 'The ID token’s issuer is not in the roster', 'Add the issuer to the roster.'),
  id_token_invalid: refused(401, 'invalid_grant', 'The ID token does not verify', 'Check its signature, algorithm, typ and times.'),
  id_token_expired: refused(403, 'invalid_grant', 'The ID token has expired', 'Fetch a new one.'),
  id_token_audience: refused(403, 'invalid_target', 'The ID token was made for another audience', 'Ask the issuer for the audience symbolon:<digest of this intent>.'),
  id_token_class: refused(403, 'invalid_grant', 'ID tokens that are not bound to the request are not accepted from this issuer', 'Ask the issuer for the audience symbolon:<digest of this intent>.'),
  trust_none: refused(403, 'access_denied', 'No trust in the roster matches the ID token’s claims', 'Compare the claims with the trusts: `symbolon explain`.'),
  trust_ambiguous: refused(403, 'access_denied', 'More than one trust matches', 'Name one of them as the intent’s sub.'),
  token_invalid: refused(401, 'invalid_grant', 'The token does not verify here', 'Use a live token of this deployment.'),
  token_expired: refused(403, 'invalid_grant', 'The token has expired', 'Mint a new one.'),
  token_not_bound: refused(403, 'invalid_grant', 'The token is not bound to a key', 'Only tokens with cnf are evidence.'),

  // Policy
  policy_denied: refused(403, 'access_denied', 'The policy does not allow this', 'See the reasons.'),
  scope_not_allowed: refused(403, 'invalid_scope', 'The policy does not allow this scope', 'Ask for less, or ask a guardian for a role that has it.'),
  audience_not_allowed: refused(403, 'invalid_target', 'The audience is not allowed', 'Use an audience from the roster that your roles may use.'),
  ttl_too_long: refused(403, 'access_denied', 'The lifetime is longer than allowed', 'Ask for a shorter ttl or leave it out.'),
  ceiling_exceeded: refused(403, 'access_denied', 'The evidence does not reach that far', 'Ask for less, or sign in with stronger evidence.'),
  approval_required: refused(403, 'access_denied', 'The policy asks for approvals', 'Approvals cannot be given yet; ask for a scope that needs none.'),
  touch_required: refused(403, 'insufficient_user_authentication', 'The policy asks for a touch', 'Sign in with a passkey for this request.'),

  // The state of the machine that answers
  bytes_differ: notNow(503, 'The signers would sign other bytes than the coordinator expects', 'Try again; if it lasts, compare roster and policy versions in `symbolon status`.'),
  roster_behind: notNow(503, 'A signer does not hold the roster version that the request was built for', 'Try again.'),
  policy_behind: notNow(503, 'A signer does not hold the policy bundle that the request was built for', 'Load the bundle that the roster names.'),
  epoch_unknown: notNow(503, 'A signer does not hold the key epoch that the request was built for', 'Try again.'),
  commitment_unknown: notNow(503, 'A commitment was used or never given', 'Try again with a fresh one.'),
  item_malformed: notNow(503, 'An item of a batch cannot be read', 'The coordinator is at fault; look at its log.'),
  list_invalid: notNow(503, 'The list of commitments is not one that can be signed', 'The coordinator is at fault; look at its log.'),
  issuer_keys_unavailable: notNow(503, 'The issuer’s keys cannot be fetched', 'Try again; check that the signers reach the issuer’s jwks_uri.'),
  limited: notNow(429, 'Too many requests', 'Wait as Retry-After says.'),
  busy: notNow(503, 'Too busy', 'Try again in a moment.'),
  timed_out: notNow(504, 'No answer in time', 'Try again.'),
  ill: notNow(503, 'A journal or the log of requests cannot be written', 'Look at the logs of signers and coordinator; nothing is signed that is not written down first.'),
  quorum_unavailable: notNow(503, 'Fewer signers answer than the threshold needs', 'See which signers are down; start them again.'),
  quorum_faulty: notNow(503, 'The signers’ answers do not make a signature', 'The coordinator’s log names who is to blame.'),
  not_ready: notNow(503, 'Not ready', 'See the reasons.'),

  // The request itself
  malformed: request(400, 'The request cannot be read', 'Compare it with the schema in /openapi.json.'),
  too_large: request(413, 'The request is too large', 'See the limit in detail.'),
  unsupported_media_type: request(415, 'The content type is not supported', 'Send what /openapi.json names.'),
  not_found: request(404, 'There is nothing here', 'See /openapi.json.'),
  method_not_allowed: request(405, 'The method is not allowed here', 'See the Allow header.'),
  origin_not_allowed: request(403, 'Pages of this origin may not call this', 'Call from the console’s origin, or from outside a browser.'),
  unauthenticated: request(401, 'Authentication is missing', 'See WWW-Authenticate.', 'invalid_client'),
  unsupported_grant_type: request(400, 'The grant type is not supported', 'Use urn:ietf:params:oauth:grant-type:token-exchange.', 'unsupported_grant_type'),
  invalid_dpop_proof: request(400, 'The DPoP proof is not valid', 'See RFC 9449, section 4.3.', 'invalid_dpop_proof'),
  internal: request(500, 'An error of ours', 'Report it with the request id.', 'server_error'),
} as const satisfies Record<string, Face>

export type ErrorCode = keyof typeof errors
type CodesOf<F extends Family> = { [Code in ErrorCode]: (typeof errors)[Code]['family'] extends F ? Code : never }[ErrorCode]
/** Signed by the signer that says it; counts as a veto. */
export type RefusalCode = CodesOf<'refused'>
/** Says something about the machine that answers, nothing about the request. */
export type NotNowCode = CodesOf<'not_now'>

export const faceOf = (code: ErrorCode): Face => errors[code]

const codesOf = <F extends Family>(family: F) => Object.entries(errors).filter(([, face]) => face.family === family).map(([code]) => code) as [CodesOf<F>, ...CodesOf<F>[]]
export const refusalCodes = codesOf('refused')
export const notNowCodes = codesOf('not_now')
export const errorCodes = Object.keys(errors) as [ErrorCode, ...ErrorCode[]]
