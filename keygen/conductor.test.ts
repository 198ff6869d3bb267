import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { certificateFile, certificateFileLimit, phases } from '@symbolon/protocol/ceremony.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { loadShare } from '@symbolon/keystore/shares.ts'
import { verifyGenesis } from '@symbolon/roster/genesis.ts'
import { signedKeyset } from '@symbolon/roster/keyset.ts'
import { decodeRoster } from '@symbolon/roster/roster.ts'
import { makePeople, planFor, start, suite, type Person, type Wire } from './members.testkit.ts'

let root: string
let people: Person[]
beforeEach(async () => {
  ;({ root, people } = await makePeople())
})
afterEach(() => rmSync(root, { recursive: true }))

describe('a ceremony among honest members', () => {
  test('SEC-20 what the others may act on is on the disk before it leaves, and a share before anybody signs with it', async () => {
    const plan = planFor(people)
    const missing: string[] = []
    const wire: Wire = (from, _to, message) => {
      const has = (name: string, text: string) => existsSync(join(from.state, name)) && readFileSync(join(from.state, name), 'utf8').includes(text)
      if ((message.phase === 'certify' || message.phase === 'keyset') && !has('ceremony/progress.json', message.signature)) missing.push(message.phase)
      if (message.phase === 'nonces' && !has('ceremony/shares/vault-1.sealed', 'ciphertext')) missing.push(message.phase)
      if (message.phase === 'done' && !has('roster.json', 'groups')) missing.push(message.phase)
      return message
    }
    const run = start(people.map((person) => ({ person, plan })), { wire })
    await run.results
    expect(missing).toEqual([])
    expect(new Set(run.sent.map(({ phase }) => phase))).toEqual(new Set(phases))
  })

  test('makes one roster, certificate and keyset, and a share that fits for each', async () => {
    const plan = planFor(people)
    const results = await start(people.map((person) => ({ person, plan }))).results
    expect([...results.values()].map(({ result }) => result)).toEqual(['activated', 'activated', 'activated'])
    const read = (person: Person, name: string) => readFileSync(join(person.state, name))
    expect(new Set(people.map((person) => read(person, 'roster.json').toString())).size).toBe(1)
    for (const person of people) {
      const roster = decodeRoster(read(person, 'roster.json'))
      const certificates = decodeAs(certificateFile, read(person, 'certificates.json'), certificateFileLimit)
      const keyset = decodeAs(signedKeyset, read(person, 'keyset.json'), certificateFileLimit)
      if (!roster.ok || !certificates.ok || !keyset.ok) throw new Error('unreadable')
      const [certificate] = certificates.value.certificates
      if (certificate === undefined) throw new Error('no certificate')
      expect(verifyGenesis({ plan, roster: roster.value, certificate, keyset: keyset.value })).toEqual({ ok: true })
      for (const group of roster.value.groups) {
        const member = await loadShare({ keystore: person.keystore, suite, folder: join(person.state, 'keystore'), group, plan: certificate.statement.plan })
        expect(member.ok).toBe(true)
      }
      expect(existsSync(join(person.state, 'ceremony', 'shares')) && readdirSync(join(person.state, 'ceremony', 'shares')).length > 0).toBe(false)
    }
  })
})
