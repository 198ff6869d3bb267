import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAuthority } from '@symbolon/dev/ca.ts'
import { pickPorts } from '@symbolon/dev/ports.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { startStack } from '../stack.ts'

/* The same commands on a database of the user's own. */

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

describe('DATABASE_URL', () => {
  let folder: string
  let postgres: Postgres
  let url: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'symbolon-own-'))
    const { postgres: port } = await pickPorts(['postgres'])
    const authority = await openAuthority(join(folder, 'ca'))
    const server = await authority.ensure(join(folder, 'server'), { commonName: 'postgres' })
    const client = await authority.ensure(join(folder, 'client'), { commonName: 'symbolon' })
    const started = await startPostgres({
      home: folder,
      logFile: join(folder, 'postgres.log'),
      roles: [],
      port: port ?? 0,
      access: ['hostssl all all 127.0.0.1/32 cert clientcert=verify-full', 'host all all all reject'],
      settings: { listen_addresses: '127.0.0.1', ssl: 'on', ssl_cert_file: server.certificate, ssl_key_file: server.key, ssl_ca_file: server.ca },
    })
    if (!started.ok) throw new Error(started.message)
    postgres = started.postgres
    url = `postgres://symbolon@localhost:${port}/symbolon?sslmode=verify-full&sslrootcert=${client.ca}&sslcert=${client.certificate}&sslkey=${client.key}`
  })
  afterAll(async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true })
  })

  test('a real Postgres over mutual TLS takes the packaged one\'s place, also in later starts that do not name it', async () => {
    const stack = await startStack({ env: { DATABASE_URL: url } })
    try {
      expect([stack.first.code, stack.first.stdout.trim()]).toEqual([0, expect.stringMatching(jwt)])
      expect(stack.state().units.map(({ name }) => name)).not.toContain('postgres')
      await stack.down()
      const again = await startStack({ home: stack.home.path })
      expect([again.first.code, again.first.stdout.trim()]).toEqual([0, expect.stringMatching(jwt)])
      expect(again.state().units.map(({ name }) => name)).not.toContain('postgres')
    } finally {
      await stack.stop()
    }
  })
})
