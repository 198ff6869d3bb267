import { memoryStore } from './memory-contract.ts'
import { storeContract } from './contract.ts'

storeContract(async () => memoryStore())
