/* What every answer carries, so that a page of ours runs only code of ours, talks only to the api and the vault, and is shown in no frame. */

const policy = (reached: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${["'self'", ...reached].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    // No policy may be made: no text becomes script or markup anywhere.
    "trusted-types 'none'",
  ].join('; ')

const permissions = ['publickey-credentials-create=(self)', 'publickey-credentials-get=(self)', 'clipboard-write=(self)', ...['camera', 'clipboard-read', 'display-capture', 'geolocation', 'hid', 'microphone', 'payment', 'serial', 'usb'].map((name) => `${name}=()`)].join(', ')

/** @param options.api the api's origin. @param options.vault the vault's, where there is one. @param options.tls whether browsers came by https, and shall from now on */
export const securityHeaders = ({ api, vault, tls }: { readonly api: string; readonly vault?: string | undefined; readonly tls: boolean }): Readonly<Record<string, string>> => ({
  'content-security-policy': policy(vault === undefined ? [api] : [api, vault]),
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': permissions,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  ...(tls ? { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } : {}),
})
