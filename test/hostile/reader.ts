import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { digestText } from '@symbolon/protocol/fields.ts'
import { secretPath } from '@symbolon/protocol/label.ts'
import { openClient } from '@symbolon/sdk/client.ts'
import { keyCredential } from '@symbolon/sdk/credential.ts'
import { openVault } from '@symbolon/sdk/vault.ts'

/* A reader as a process of its own: reads one secret, says so, and holds it until its input ends. */

const [addr = '', pin = '', sub = '', kid = '', keyFile = '', path = ''] = process.argv.slice(2)
const client = openClient({ addr, pin: digestText.parse(pin) })
if (!client.ok) throw client.error
const vault = await openVault({ client: client.value, asker: { sub, client: 'symbolon-cli', credential: keyCredential({ key: createPrivateKey(readFileSync(keyFile)), kid, sub }) } })
if (!vault.ok) throw vault.error
const read = await vault.value.read([{ path: secretPath.parse(path), version: 'latest' }])
if (!read.ok) throw read.error
process.stdout.write('held\n')
process.stdin.resume().once('end', () => {
  process.exitCode = read.value.length === 1 ? 0 : 1
  void vault.value.close().then(() => client.value.close())
})
