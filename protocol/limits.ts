/** Bounds on everything that crosses a process boundary. Sizes in bytes, times in seconds. */
export const limits = {
  /** One JSON document's nesting. */
  jsonDepth: 12,
  /** Canonical bytes of an intent. */
  intentBytes: 4_096,
  /** An intent's `exp − iat` where policy asks for no approvals. */
  intentWindow: 300,
  /** How far in the future an intent's or proof's `iat` may lie by the verifier's clock. */
  clockSkew: 60,
  /** One compact JWS: an ID token, a token, a proof. */
  jwsBytes: 16_384,
  /** Evidence items of one request. Exactly one names the principal. */
  evidenceItems: 4,
  /** Body of a request to the api. */
  apiBodyBytes: 65_536,
  /** Items in one call from coordinator to signer, or from api to coordinator. */
  batchItems: 64,
  /** Body of such a call: a batch of the largest items, base64url included. */
  batchBodyBytes: 4 * 1024 * 1024,
  /** Signers of one group. */
  signers: 100,
  /** Commitments that one coordinator may hold of one signer. */
  commitmentsHeld: 512,
  /** A token's lifetime, whatever policy says. */
  tokenTtl: 86_400,
  /** From a grant's `iat` to its end. */
  grantTtl: 43_200,
  /** How long a lock stops a row. */
  lockTtl: 86_400,
  /** From `iat` to `exp` of an intent that people approve, at most; the roster's guardians may set less. */
  approvalWindow: 604_800,
  /** Approvals of one request. */
  approvals: 64,
  /** One ciphertext of a sealed ID token. */
  sealedBytes: 16_400,
  /** A roster change on the wire: documents, registrations and a policy bundle, base64url included. */
  changeBytes: 16 * 1024 * 1024,
  /** Scopes of one intent. */
  scopes: 32,
  /** ASCII that a group key signs: a token's signing input or a record, with its tag. */
  messageBytes: 20_480,
  /** A secret's path: characters, and segments with the namespace. */
  pathLength: 512,
  pathSegments: 16,
  /** Labels of one `secret.read`. */
  labels: 16,
  /** Versions of a secret that are kept, at most. */
  secretVersions: 50,
  /** Canonical bytes of a record. */
  recordBytes: 18_432,
  /** A file is at most 1 MiB; as JSON in base64, with its name and the cipher's tag, that is less than this. */
  secretBodyBytes: 1_500_000,
  /** Items in one call that opens secrets: each may hold 16 records. */
  openItems: 16,
  /** Body of such a call. */
  openBodyBytes: 8 * 1024 * 1024,
  /** A token that opens secrets through a façade, whatever policy says. */
  facadeTtl: 900,
} as const
