import { memoryStore } from './memory-store.testkit.ts'
import { storeContract } from './contract.ts'

storeContract(async () => memoryStore())
