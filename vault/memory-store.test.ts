import { memoryStore } from './memory-store.testkit.ts'
import { storeContract } from './store.testkit.ts'

storeContract(async () => memoryStore())
