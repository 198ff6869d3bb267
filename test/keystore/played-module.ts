import { createECDH } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { p256 } from '@noble/curves/nist.js'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeFrame, FrameReader, type Frame } from '@symbolon/keystore/frames.ts'
import { request, type Reply, type Request } from '@symbolon/keystore/pkcs11-wire.ts'

/*
 * Plays the process of a PKCS#11 module, with a fault where the file `fault` in PLAY asks for one. `attempts` has a line for each PIN that
 * was tried, as a device would count them.
 */

const folder = process.env['PLAY'] ?? ''
const fault = (): string => (existsSync(join(folder, 'fault')) ? readFileSync(join(folder, 'fault'), 'utf8').trim() : '')
const rightPin = '123456'

function keyOf(role: string) {
  const path = join(folder, `${role}.key`)
  const ecdh = createECDH('prime256v1')
  if (existsSync(path)) ecdh.setPrivateKey(readFileSync(path))
  else {
    ecdh.generateKeys()
    writeFileSync(path, Buffer.concat([Buffer.alloc(32 - ecdh.getPrivateKey().length), ecdh.getPrivateKey()]))
  }
  return ecdh
}

function say(head: Reply, bytes?: Uint8Array): void {
  process.stdout.write(encodeFrame(head, bytes))
}
const refuse = (id: number, code: Extract<Reply, { ok: false }>['code'], detail: string) => say({ ok: false, id, code, detail })

function open({ id, cautious }: Extract<Request, { op: 'open' }>, pin: string): void {
  if (fault() === 'hang in open') return
  if (fault() === 'crash in open') process.exit(7)
  if (fault() === 'no session left') return refuse(id, 'device_busy', 'CKR_SESSION_COUNT')
  if (fault() === 'crash in login') {
    appendFileSync(join(folder, 'attempts'), `${cautious}\n`)
    process.kill(process.pid, 'SIGSEGV')
  }
  appendFileSync(join(folder, 'attempts'), `${cautious}\n`)
  if (pin !== rightPin) return refuse(id, 'pin_wrong', 'CKR_PIN_INCORRECT')
  const [identity, sealing] = fault() === 'another device' ? [keyOf('other-identity'), keyOf('other-sealing')] : [keyOf('identity'), keyOf('sealing')]
  say({ ok: true, id, opened: { identity: toBase64url(identity.getPublicKey()), sealing: toBase64url(sealing.getPublicKey()), facts: { manufacturer: 'played', model: 'm', serial: 's', firmware: '1.0', library: 'l' } } })
}

function derive(id: number, bytes: Uint8Array): void {
  switch (fault()) {
    case 'crash in derive':
      process.kill(process.pid, 'SIGSEGV')
      return
    case 'hang in derive':
      return
    case 'error in derive':
      return refuse(id, 'device_failed', 'CKR_DEVICE_ERROR')
    case 'removed':
      return refuse(id, 'device_removed', 'CKR_DEVICE_REMOVED')
    case 'nonsense in derive':
      process.stdout.write(Buffer.alloc(64, 0xff))
      return
    case 'short in derive':
      return say({ ok: true, id }, new Uint8Array(16))
    case 'stale in derive':
      return say({ ok: true, id: id - 1 }, new Uint8Array(32))
    default:
      return say({ ok: true, id }, keyOf('sealing').computeSecret(bytes))
  }
}

function perform({ head, bytes }: Frame): void {
  const asked = request.parse(head)
  if (asked.op === 'open') return open(asked, Buffer.from(bytes).toString())
  if (asked.op === 'derive') return derive(asked.id, bytes)
  if (asked.op === 'objects') return say({ ok: true, id: asked.id, objects: 0 })
  say({ ok: true, id: asked.id }, p256.sign(bytes, readFileSync(join(folder, 'identity.key')), { prehash: false }))
}

const reader = new FrameReader()
process.stdin.on('data', (chunk: Buffer) => reader.push(chunk).forEach((frame) => frame === undefined ? process.exit(1) : perform(frame)))
process.stdin.on('end', () => process.exit(0))
