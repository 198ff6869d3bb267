import { keystoreContract } from './contract.ts'
import { createMemoryKeystore, openMemoryKeystore, type Shelf } from './memory.testkit.ts'

const shelf: Shelf = new Map()
const nowhere = { kty: 'EC', crv: 'P-256', x: '', y: '' } as never
keystoreContract('in memory', { create: (place) => createMemoryKeystore(shelf, place), open: (place) => openMemoryKeystore(shelf, place), sealingKey: ({ folder }) => shelf.get(folder)?.sealing.jwk ?? nowhere })
