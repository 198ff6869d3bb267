import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { keystoreContract } from './contract.ts'
import { createFileKeystore, openFileKeystore } from './file.ts'
import { readManifest } from './manifest.ts'
import type { KeystorePlace } from './open.ts'

const passphrase = () => Uint8Array.from(utf8('correct horse\n'))
keystoreContract('in a file', {
  create: (place) => createFileKeystore({ ...place, passphrase }),
  open: (place) => openFileKeystore({ ...place, passphrase }),
  sealingKey: ({ folder, signer }) => {
    const found = readManifest(folder, { backend: 'file', signer })
    if (!found.ok) throw new Error(found.error.code)
    return found.value.sealing
  },
})

describe('the file keystore', () => {
  let root: string
  let place: KeystorePlace
  const memory = openArena(4096 * 4)
  const open = (from = place, secret = passphrase) => openFileKeystore({ ...from, passphrase: secret })
  const edit = (name: string, change: (text: string) => string) => writeFileSync(join(place.folder, name), change(readFileSync(join(place.folder, name), 'utf8')))
  const codeOf = async (opening: ReturnType<typeof open>) => {
    const opened = await opening
    return opened.ok ? 'ok' : opened.error.code
  }

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'symbolon-file-'))
    place = { folder: join(root, 'keystore'), signer: 1, memory }
    const made = await createFileKeystore({ ...place, passphrase })
    if (!made.ok) throw new Error(made.error.code)
    await made.value.close()
  })
  afterEach(() => rmSync(root, { recursive: true }))

  test('says that it is for development', async () => {
    const opened = await open()
    expect(opened.ok && opened.value.warning).toContain('for development')
  })

  test('one newline after the passphrase does not count, anything else does', async () => {
    expect(await codeOf(open(place, () => Uint8Array.from(utf8('correct horse'))))).toBe('ok')
    expect(await codeOf(open(place, () => Uint8Array.from(utf8('correct horse\n\n'))))).toBe('passphrase_wrong')
    expect(await codeOf(open(place, () => Uint8Array.from(utf8('wrong horse'))))).toBe('passphrase_wrong')
  })

  test('wipes the passphrase that it was given', async () => {
    const given = passphrase()
    await open(place, () => given)
    expect(given.every((byte) => byte === 0)).toBe(true)
  })

  test('every file is its owner’s only', () => {
    expect(statSync(place.folder).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(place.folder)) expect(statSync(join(place.folder, name)).mode & 0o777).toBe(0o600)
  })

  test('TST-50 identity and sealing key cannot change places, nor the cost be lowered', async () => {
    edit('keys.json', (text) => {
      const json = JSON.parse(text) as { identity: unknown; sealing: unknown; wrapped: { identity: string; sealing: string } }
      return JSON.stringify({ ...json, identity: json.sealing, sealing: json.identity, wrapped: { identity: json.wrapped.sealing, sealing: json.wrapped.identity } })
    })
    expect(await codeOf(open())).toBe('passphrase_wrong')
  })

  test('a changed cost, salt or public key does not open', async () => {
    const intact = readFileSync(join(place.folder, 'keys.json'), 'utf8')
    const json = JSON.parse(intact) as { argon2id: object; hpke: unknown }
    for (const argon2id of [{ ...json.argon2id, opslimit: 1 }, { ...json.argon2id, salt: 'A'.repeat(22) }]) {
      writeFileSync(join(place.folder, 'keys.json'), JSON.stringify({ ...json, argon2id }))
      expect(await codeOf(open())).toBe('passphrase_wrong')
    }
    writeFileSync(join(place.folder, 'keys.json'), JSON.stringify({ ...json, argon2id: { ...json.argon2id, memlimit: 2 ** 40 } }))
    expect(await codeOf(open())).toBe('keystore_malformed')
  })

  test('TST-50 the receive key of an earlier set-up does not open', async () => {
    const earlier = join(root, 'earlier')
    cpSync(place.folder, earlier, { recursive: true })
    const again = await createFileKeystore({ ...place, folder: join(root, 'again'), passphrase })
    expect(again.ok).toBe(true)
    cpSync(join(root, 'again', 'hpke.sealed'), join(place.folder, 'hpke.sealed'))
    expect(await codeOf(open())).toBe('blob_other_key')
  })

  test('damaged files are named', async () => {
    edit('keys.json', (text) => text.slice(0, -5))
    expect(await codeOf(open())).toBe('keystore_malformed')
    rmSync(join(place.folder, 'keys.json'))
    expect(await codeOf(open())).toBe('keystore_missing')
  })
})
