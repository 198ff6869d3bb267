import { createRequire } from 'node:module'
import { fail, ok } from '@symbolon/core/errors.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { keystoreError } from './errors.ts'
import { encodeFrame, FrameReader, type Frame } from './frames.ts'
import type { KeystoreResult } from './keystore.ts'
import { Token, type Module } from './pkcs11-token.ts'
import { request, type Reply, type Request } from './pkcs11-wire.ts'

/*
 * The process that holds a PKCS#11 module: foreign native code with a PIN in its memory. A crash in it is an answer that does not come, not
 * the end of a signer; and a fork of it, a memory dump or a bug sees neither shares nor the network.
 */

type Answer = { readonly reply: Omit<Extract<Reply, { ok: true }>, 'ok' | 'id'>; readonly bytes?: Uint8Array }

function main(): void {
  const reader = new FrameReader()
  const loaded = loadModule()
  const token = loaded.ok ? new Token(loaded.value) : undefined
  process.stdin.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      // The keystore never sends what is not a request. Whoever does is not the keystore.
      if (frame === undefined) return process.exit(1)
      const asked = checkShape(request, frame.head)
      if (!asked.ok) return process.exit(1)
      answer(asked.value, token === undefined ? fail(keystoreError('module_missing', 'pkcs11js is not built')) : perform(token, asked.value, frame))
      frame.bytes.fill(0)
    }
  })
  // The keystore's process is gone, or has closed. The token's session ends with this process.
  process.stdin.on('end', () => process.exit(0))
}

/** Compiled only where a device is wanted: absent, there is a code that says so. */
function loadModule(): KeystoreResult<Module> {
  try {
    const { PKCS11 } = createRequire(import.meta.url)('pkcs11js') as typeof import('pkcs11js')
    return ok(new PKCS11())
  } catch (error) {
    if (error instanceof Error) return fail(keystoreError('module_missing', 'pkcs11js is not built'))
    throw error
  }
}

function perform(token: Token, asked: Request, { bytes }: Frame): KeystoreResult<Answer> {
  switch (asked.op) {
    case 'open': {
      const opened = token.open(asked, bytes)
      return opened.ok ? ok({ reply: { opened: opened.value } }) : opened
    }
    case 'sign': {
      const signature = token.sign(bytes)
      return signature.ok ? ok({ reply: {}, bytes: signature.value }) : signature
    }
    case 'derive': {
      const secret = token.derive(bytes)
      return secret.ok ? ok({ reply: {}, bytes: secret.value }) : secret
    }
    case 'objects': {
      const count = token.objects()
      return count.ok ? ok({ reply: { objects: count.value } }) : count
    }
  }
}

function answer({ id }: Request, result: KeystoreResult<Answer>): void {
  const head: Reply = result.ok ? { ok: true, id, ...result.value.reply } : { ok: false, id, ...result.error }
  const secret = result.ok ? result.value.bytes : undefined
  const frame = encodeFrame(head, secret)
  process.stdout.write(frame, () => frame.fill(0))
  secret?.fill(0)
}

main()
