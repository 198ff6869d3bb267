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

const refused = (status: 400 | 401 | 403 | 404 | 409, oauth: string, title: string, remedy: string) => ({ family: 'refused', status, oauth, title, remedy }) as const
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
  intent_dry: refused(400, 'invalid_request', 'A dry intent is explained, any other is minted', 'To explain, build the intent with `dry`; to mint, without.'),
  client_unknown: refused(403, 'invalid_client', 'The client is not in the roster', 'Use the id of a client in the roster, or the service’s own id.'),
  impersonation_not_allowed: refused(403, 'access_denied', 'Acting as somebody else is not allowed here', 'Leave out `as`.'),

  // Evidence
  evidence_malformed: refused(400, 'invalid_request', 'The evidence cannot be read', 'Compare it with the schema in /openapi.json.'),
  evidence_ambiguous: refused(400, 'invalid_request', 'More than one item of evidence names a principal', 'Send exactly one.'),
  evidence_kind_unsupported: refused(400, 'unsupported_token_type', 'This kind of evidence is not supported', 'Use passkey, grant, id_token, key or token.'),
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

  passkey_unknown: refused(401, 'invalid_grant', 'The passkey is not in the roster', 'Use a passkey that is enrolled for you; ask a guardian to add one.'),
  passkey_use: refused(403, 'invalid_grant', 'The passkey may not be used for this', 'Use a passkey whose uses include this one.'),
  assertion_invalid: refused(401, 'invalid_grant', 'The passkey’s assertion does not verify', 'Sign in again; compare the RP id and origin with the roster’s.'),
  assertion_mismatch: refused(403, 'invalid_grant', 'The passkey signed something else', 'Touch the passkey for this very request.'),
  origin_mismatch: refused(403, 'invalid_grant', 'The passkey was touched on another origin', 'Use the console whose origin the roster names.'),
  user_not_verified: refused(403, 'insufficient_user_authentication', 'The passkey did not verify its user', 'Use a passkey with a PIN, fingerprint or face.'),
  grant_invalid: refused(401, 'invalid_grant', 'The grant does not verify', 'Sign in again: `symbolon login`.'),
  grant_expired: refused(403, 'invalid_grant', 'The grant has ended', 'Sign in again: `symbolon login`.'),
  revoked: refused(403, 'invalid_grant', 'This credential was revoked', 'Sign in again.'),
  locked: refused(403, 'access_denied', 'This row is locked', 'Ask a guardian; a lock ends by itself within a day.'),
  sealed_unreadable: refused(400, 'invalid_request', 'The sealed ID token cannot be opened', 'Seal it to the receive keys of the keyset, for this intent.'),
  registration_invalid: refused(400, 'invalid_request', 'The registration of the passkey does not verify', 'Register the passkey again, from the link.'),
  attestation_required: refused(403, 'access_denied', 'This deployment asks for another kind of authenticator', 'Use an authenticator of a model that the roster names.'),
  invitation_invalid: refused(403, 'access_denied', 'There is no such invitation', 'Ask a guardian for a new one.'),
  invitation_expired: refused(403, 'access_denied', 'The invitation has expired', 'Ask a guardian for a new one.'),
  invitation_spent: refused(409, 'access_denied', 'The invitation was used already', 'Ask a guardian for a new one.'),

  // Roster and approvals
  approval_invalid: refused(403, 'access_denied', 'An approval does not verify', 'Approve again.'),
  approval_expired: refused(403, 'access_denied', 'An approval has expired', 'Approve again.'),
  approval_denied: refused(403, 'access_denied', 'A guardian said no', 'Propose another change.'),
  not_a_guardian: refused(403, 'access_denied', 'Only a guardian may do this', 'Ask a guardian.'),
  change_unsound: refused(400, 'invalid_request', 'The next version contradicts itself or its predecessor', 'See the reasons; propose it anew.'),
  change_conflict: refused(409, 'invalid_request', 'Another successor of this version was accepted already', 'Look at `symbolon roster log`; propose the change on top of it.'),

  // Secrets
  secret_not_found: refused(404, 'invalid_request', 'There is no such secret or version, or it is not yours', 'Compare the path with `symbolon kv list`, and its versions with `symbolon kv metadata get`; `symbolon kv explain` says what the policy would allow.'),
  namespace_unknown: refused(403, 'invalid_request', 'The roster has no such namespace', 'Use a namespace of the roster; a guardian can add one.'),
  record_invalid: refused(400, 'invalid_request', 'A record that came along is not one that the quorum signed for this secret', 'Read the secret’s record again; if it lasts, the vault is at fault.'),
  record_stale: refused(409, 'invalid_request', 'A newer record of this secret is known', 'Read the secret’s record again and repeat the change on top of it.'),
  sequence_taken: refused(409, 'invalid_request', 'Another record was begun under this sequence number', 'Repeat the change with the next sequence number.'),
  check_and_set_failed: refused(409, 'invalid_request', 'The secret has changed, or the write does not say which version it follows', 'Read it again; give the version that the write follows.'),
  record_unsound: refused(400, 'invalid_request', 'The change contradicts the secret’s record', 'See the reasons.'),
  ciphertext_invalid: refused(400, 'invalid_request', 'The ciphertext is not what its label and record say', 'Encrypt the value again.'),
  facade_not_allowed: refused(403, 'access_denied', 'A façade token opens only what the vault process may combine', 'Use a token bound to a key, or a namespace with combine: vault.'),

  // Policy
  policy_denied: refused(403, 'access_denied', 'The policy does not allow this', 'See the reasons.'),
  scope_not_allowed: refused(403, 'invalid_scope', 'The policy does not allow this scope', 'Ask for less, or ask a guardian for a role that has it.'),
  audience_not_allowed: refused(403, 'invalid_target', 'The audience is not allowed', 'Use an audience from the roster that your roles may use.'),
  ttl_too_long: refused(403, 'access_denied', 'The lifetime is longer than allowed', 'Ask for a shorter ttl or leave it out.'),
  ceiling_exceeded: refused(403, 'access_denied', 'The evidence does not reach that far', 'Ask for less, or sign in with stronger evidence.'),
  approval_required: refused(403, 'access_denied', 'The policy asks for approvals', 'Ask the people that the reasons name.'),
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
  peers_unheard: notNow(503, 'A signer has not heard enough of the others', 'Try again; it asks them every few seconds.'),
  journal_behind: notNow(503, 'A signer’s journal is shorter than the others remember', 'It stays silent until what it may have forgotten has expired.'),
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
  authorization_pending: request(400, 'The person has not decided yet', 'Ask again after `interval` seconds.', 'authorization_pending'),
  slow_down: request(400, 'Asked too often', 'Wait five seconds longer between two questions.', 'slow_down'),
  expired_token: request(400, 'The code has expired', 'Begin again.', 'expired_token'),
  change_unknown: request(404, 'There is no such change', 'Compare the digest with `symbolon roster log`.'),
  invalid_dpop_proof: request(400, 'The DPoP proof is not valid', 'See RFC 9449, section 4.3.', 'invalid_dpop_proof'),
  store_damaged: request(500, 'What the vault holds of this secret was lost or altered', 'Restore the secret from a backup; the vault’s log names what is wrong.', 'server_error'),
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
