import { afterAll, beforeAll } from 'vitest'
import { secretStore } from '@symbolon/vault/store.ts'
import { storeContract } from '@symbolon/vault/contract.ts'
import { startDatabase, type TestDatabase } from './postgres.testkit.ts'

let postgres: TestDatabase
beforeAll(async () => {
  postgres = await startDatabase()
})
afterAll(() => postgres.stop())

storeContract(async () => {
  await postgres.empty()
  return secretStore(postgres.database.db)
})
