import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { linkUrl } from '@symbolon/protocol/link.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { pinOf } from './connect.ts'
import { readSecret } from './key-file.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import type { Settings } from './settings.ts'
import { createPrivateFile, stateFolder } from './state.ts'
import type { View } from './view.ts'

/**
 * The first guardian's code. Run before the ceremony it makes the key, whose public half goes into the plan; run again with the pin that the
 * ceremony printed and the console's address, it prints the link that makes version 2. The seed stays in its file and in that link.
 */
export async function rosterBootstrap({ seedFile, lifetime }: { readonly seedFile?: string | undefined; readonly lifetime: number }, settings: Settings, io: Io): Promise<Outcome<View>> {
  const path = seedFile ?? join(stateFolder(io), 'bootstrap.seed')
  const seed = seedAt(path)
  try {
    const key = ed25519Of(seed)
    const link = settings.pin === undefined || settings.console === undefined ? undefined : linkOf(seed, settings, io.now() + lifetime)
    if (link === undefined) io.err.write('Put the public key into the plan of the ceremony. Afterwards run this again with --pin and --console for the link.\n')
    return ok({
      data: { public_key: key, seed_file: path, ...(link === undefined ? {} : { link }) },
      raw: link ?? key.x,
      tables: [{ rows: [['public key', key.x], ['seed', path], ...(link === undefined ? [] : [['link', { whole: link }]])] }],
    })
  } finally {
    seed.fill(0)
  }
}

function linkOf(seed: Uint8Array, settings: Settings, exp: number): string {
  const lineage = pinOf(settings)
  if (lineage === 'unpinned') throw new LocalFailure('The pin is missing', 'the link names the deployment by it', 'Give --pin with the fingerprint that the ceremony printed.')
  return linkUrl((settings.console?.value ?? '').replace(/\/$/, ''), { v: 1, kind: 'bootstrap', seed: toBase64url(seed), lineage, exp })
}

/** As it lies there, else made. */
function seedAt(path: string): Uint8Array {
  const fresh = randomBytes(32)
  if (createPrivateFile(path, `${toBase64url(fresh)}\n`)) return fresh
  fresh.fill(0)
  const bytes = readSecret(path)
  const seed = fromBase64url(bytes.toString('latin1').trim())
  bytes.fill(0)
  if (seed?.length === 32) return seed
  throw new LocalFailure(`${path} is no seed`, 'it must be 43 characters of base64url', 'Name a file that does not exist yet: --seed-file.')
}
