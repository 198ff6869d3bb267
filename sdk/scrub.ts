/* What may be shown of text that somebody else wrote. */

// A compact JWS, whole or cut: tokens, ID tokens and proofs all look like this. Each starts at the edge of a run, which keeps it linear.
const jwsLike = /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g
const jwsHead = /eyJ[A-Za-z0-9_-]{8,}/g
const pem = /-----BEGIN [A-Z ]{1,40}-----[^-]*(?:-----END [A-Z ]{1,40}-----)?/g

/** Takes out what looks like a token or key. */
export const redact = (text: string): string => text.replace(pem, '[redacted]').replace(jwsLike, (found) => (found.length < 60 ? found : '[redacted]')).replace(jwsHead, '[redacted]')

/** Nothing in it can steer a terminal, reorder a line or begin another: control, bidirectional and line characters become `?`. */
export const steerless = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/** For people: as `steerless`, and without what `redact` takes out. */
export const printable = (text: string): string => steerless(redact(text)).slice(0, 2_000)
