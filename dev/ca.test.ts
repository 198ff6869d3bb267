import { X509Certificate, createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identityOf } from '@symbolon/runtime/identity.ts'
import { openAuthority } from './ca.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-ca-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const request = { commonName: 'signer-1', uri: 'symbolon:signer/1' }
const read = (path: string) => new X509Certificate(readFileSync(path))
const mode = (path: string) => statSync(path).mode & 0o777

describe('the development CA', () => {
  test('issues certificates with one identity, checked by an independent parser', async () => {
    const files = await (await openAuthority(folder)).ensure(join(folder, 'signer-1'), request)
    const [leaf, ca] = [read(files.certificate), read(files.ca)]
    expect(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && leaf.checkPrivateKey(createPrivateKey(readFileSync(files.key)))).toBe(true)
    expect(identityOf(leaf.subjectAltName)).toEqual({ role: 'signer', id: '1' })
    expect([leaf.checkHost('localhost'), leaf.checkIP('127.0.0.1'), leaf.ca, ca.ca]).toEqual(['localhost', '127.0.0.1', false, true])
  })

  test('keys lie in 0600 files, in 0700 folders', async () => {
    const files = await (await openAuthority(join(folder, 'ca'))).ensure(join(folder, 'signer-1'), request)
    expect([mode(files.key), mode(join(folder, 'ca/ca.key')), mode(join(folder, 'ca')), mode(join(folder, 'signer-1'))]).toEqual([0o600, 0o600, 0o700, 0o700])
  })

  test('keeps what is good; makes anew what nears its end, has other names, or comes from another CA', async () => {
    let now = Date.now()
    const authority = await openAuthority(folder, () => now)
    const target = join(folder, 'x')
    const ensured = async (wanted = request) => read((await authority.ensure(target, wanted)).certificate).serialNumber
    const first = await ensured()
    expect(await ensured()).toBe(first)
    now += 59 * 86_400_000
    expect(await ensured()).toBe(first)
    now += 2 * 86_400_000
    const second = await ensured()
    expect(second).not.toBe(first)
    const third = await ensured({ ...request, uri: 'symbolon:signer/2' })
    expect(third).not.toBe(second)
    const foreign = await (await openAuthority(join(folder, 'other'))).ensure(join(folder, 'y'), { ...request, uri: 'symbolon:signer/2' })
    writeFileSync(join(target, 'tls.pem'), readFileSync(foreign.certificate))
    expect(read(join(target, 'tls.pem')).serialNumber).not.toBe(await ensured({ ...request, uri: 'symbolon:signer/2' }))
  })

  test('is the same CA when it is opened again', async () => {
    const [first, second] = [await openAuthority(folder), await openAuthority(folder)]
    const one = read((await first.ensure(join(folder, 'a'), request)).certificate)
    const two = read((await second.ensure(join(folder, 'b'), request)).certificate)
    expect(one.verify(read(second.certificate).publicKey) && two.verify(read(first.certificate).publicKey)).toBe(true)
  })
})
