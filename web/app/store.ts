/* The browser's IndexedDB: one record. A CryptoKey can rest there without its bytes ever being readable. */

const [database, table] = ['symbolon', 'session'] as const

/** @returns undefined if nothing was kept */
export const readRecord = (key: string): Promise<unknown> => inTable('readonly', (store) => store.get(key))
export const writeRecord = async (key: string, value: unknown): Promise<void> => void (await inTable('readwrite', (store) => store.put(value, key)))
export const removeRecord = async (key: string): Promise<void> => void (await inTable('readwrite', (store) => store.delete(key)))

async function inTable(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const opened = await open()
  try {
    const transaction = opened.transaction(table, mode)
    const request = act(transaction.objectStore(table))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    transaction.addEventListener('complete', () => resolve(request.result))
    transaction.addEventListener('error', () => reject(transaction.error ?? new Error('IndexedDB failed')))
    transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('IndexedDB gave up')))
    return await promise
  } finally {
    opened.close()
  }
}

function open(): Promise<IDBDatabase> {
  const { promise, resolve, reject } = Promise.withResolvers<IDBDatabase>()
  const request = indexedDB.open(database, 1)
  request.addEventListener('upgradeneeded', () => void request.result.createObjectStore(table))
  request.addEventListener('success', () => resolve(request.result))
  request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB cannot be opened')))
  return promise
}
