export type { Established, EvidenceInput, EvidenceResult, IssuerKey, IssuerKeys, IssuerKeySet, MissingKey, Principal, SingleUse, Verifier } from './established.ts'
