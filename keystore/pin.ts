import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { fail, ok } from '@symbolon/core/errors.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { keystoreError } from './errors.ts'
import { readBounded, writeWhole } from './folder.ts'
import type { PinGuard } from './pkcs11-supervisor.ts'

/*
 * A device counts wrong PINs and locks itself, for good. So a PIN that was refused is not tried again until a person has changed the
 * PIN file, however often the process is started: a file beside the keystore remembers it.
 */

/** The PIN file as it was when it was tried. A person who edits or touches it makes it another. */
const trial = z.strictObject({ v: z.literal(1), state: z.enum(['tried', 'refused']), modified: z.string().max(32), inode: z.string().max(32), bytes: z.int().min(0) })
type Trial = z.infer<typeof trial>
const maxBytes = 1_024

/** @param pin.read gives the PIN in a buffer that is wiped here; one newline at its end does not count */
export function pinGuard(folder: string, pin: { readonly path: string; read(): Uint8Array }): PinGuard {
  const file = join(folder, 'pin.json')
  const now = (state: Trial['state']): Trial => {
    const stat = statSync(pin.path, { bigint: true })
    return { v: 1, state, modified: String(stat.mtimeNs), inode: String(stat.ino), bytes: Number(stat.size) }
  }
  const last = (): Trial | undefined => {
    const bytes = readBounded(file, maxBytes)
    const found = bytes === undefined ? undefined : decodeAs(trial, bytes, maxBytes)
    return found?.ok === true ? found.value : undefined
  }
  const isSame = (a: Trial, b: Trial) => a.modified === b.modified && a.inode === b.inode && a.bytes === b.bytes
  let tried: Trial | undefined
  return {
    begin: () => {
      const [before, current] = [last(), now('tried')]
      const seen = before !== undefined && isSame(before, current) ? before.state : undefined
      if (seen === 'refused') return fail(keystoreError('pin_wrong', 'refused before, and the PIN file is unchanged'))
      // Written first: if this process dies in between, the next one is cautious.
      writeWhole(file, canonical(current))
      tried = current
      return ok({ pin: withoutNewline(pin.read()), cautious: seen === 'tried' })
    },
    end: (outcome) => {
      if (outcome === 'accepted' || outcome === 'not_tried') rmSync(file, { force: true })
      if (outcome === 'refused' && tried !== undefined) writeWhole(file, canonical({ ...tried, state: 'refused' }))
    },
  }
}

function withoutNewline(given: Uint8Array): Uint8Array {
  const length = given.at(-1) === 0x0a ? given.length - 1 : given.length
  const pin = Uint8Array.from(given.subarray(0, length))
  given.fill(0)
  return pin
}
