import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { certificateFile } from '@symbolon/protocol/ceremony.ts'
import { openPkcs11Keystore } from '@symbolon/keystore/pkcs11.ts'
import { loadShare } from '@symbolon/keystore/shares.ts'
import { roster } from '@symbolon/roster/roster.ts'
import { softPin, softToken } from '../keystore/softhsm.ts'
import { openStage, perform, type Ended, type Stage } from './stage.ts'

const memory = openArena(16 * 4096)
const suite = sodiumSuite(memory)
const token = (state: string, signer: number) => softToken({ folder: join(state, 'keystore'), signer, memory })

let stage: Stage
let ended: Map<number, Ended>
beforeAll(async () => {
  stage = await openStage({
    keystore: (state, id) => {
      const { folder, module, token: label, pin, environment } = token(state, id)
      return { backend: 'pkcs11', folder, module, token: label, pin_file: pin.path, environment }
    },
  })
  ended = await perform(stage)
})
afterAll(() => stage.close())

const filesIn = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)).filter((path) => statSync(path).isFile())
const read = (id: number, name: string): unknown => JSON.parse(readFileSync(stage.file(id, name), 'utf8'))

/** How a secret could be spelled. */
const spellings = (secret: Uint8Array): Buffer[] => {
  const bytes = Buffer.from(secret)
  return [bytes, ...(['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(bytes.toString(encoding).replace(/=+$/, '')))]
}

describe('a ceremony with every share sealed in a token of its own', () => {
  test('makes version 1', () => expect([...ended.values()].map(({ code, out }) => (code === 0 ? 0 : out))).toEqual([0, 0, 0]))

  test('TST-54 no share, no receive key and no PIN is in any output or file', async () => {
    const written = [...[...ended.values()].map(({ out }) => Buffer.from(out)), ...filesIn(stage.folder).filter((path) => !path.endsWith('-token/pin')).map((path) => readFileSync(path))]
    const version1 = roster.parse(read(1, 'roster.json'))
    const [certificate] = certificateFile.parse(read(1, 'certificates.json')).certificates
    if (certificate === undefined) throw new Error('no certificate')
    let looked = 0
    for (const id of stage.ids) {
      const keystore = await openPkcs11Keystore(token(stage.state(id), id))
      if (!keystore.ok) throw new Error(keystore.error.code)
      const key = await keystore.value.receiveKey()
      const secrets = [key.ok ? key.value : undefined]
      for (const group of version1.groups) {
        const member = await loadShare({ keystore: keystore.value, suite, folder: stage.file(id, 'keystore'), group, plan: certificate.statement.plan })
        secrets.push(member.ok ? member.value.share : undefined)
      }
      for (const secret of secrets) {
        if (secret === undefined) throw new Error('a secret does not open')
        const found = secret.borrow((bytes) => spellings(bytes).some((spelling) => written.some((text) => text.includes(spelling))))
        expect(found).toBe(false)
        looked += 1
        secret.wipe()
      }
      await keystore.value.close()
    }
    expect(looked).toBe(15)
    expect(written.some((text) => text.includes(softPin))).toBe(false)
    // The search finds what is there.
    expect(written.some((text) => text.includes(version1.groups[0]?.key ?? 'no key'))).toBe(true)
  })

  test('the doctor runs as a process and prints its findings', async () => {
    const { code, out } = await stage.keygen(1, 'doctor').ended
    const line = out.split('\n').find((text) => text.startsWith('{"findings"'))
    const { findings } = JSON.parse(line ?? '{}') as { findings: { check: string; ok: boolean; detail: string }[] }
    expect(code).toBe(0)
    expect(findings.at(-1)).toEqual({ check: 'shares', ok: true, detail: expect.stringContaining('token-1.sealed') })
    expect(findings.every(({ ok }) => ok)).toBe(true)
  })
})
