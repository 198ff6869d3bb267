import { bytesOf, equalBytes, type Base64url } from '@symbolon/protocol/bytes.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import type { Ciphertext, SecretStore, StoredCiphertext, StoredSecret, Verified } from './store.ts'

/* The store without a database; it passes the same contract. Tests may edit its rows as the owner of a database would. */

interface Row extends StoredSecret {
  readonly removed: boolean
  readonly search: string
  readonly tried: number
}
export interface MemoryStore extends SecretStore {
  readonly secrets: Map<string, Row>
  readonly former: Map<string, Verified>
  readonly kept: Map<Base64url, StoredCiphertext>
}

export function memoryStore(): MemoryStore {
  const secrets = new Map<string, Row>()
  const former = new Map<string, Verified>()
  const kept = new Map<Base64url, StoredCiphertext>()
  const rowOf = ({ record, digest, signed }: Verified): Row => ({ path: record.path, seq: record.seq, digest, signed, pending: true, removed: record.removed, search: [record.path, ...record.tags, ...Object.values(record.custom)].join('\n'), tried: 0 })
  const add = (path: string, { digest, version, head, body }: Ciphertext): number => {
    const [before, bytes] = [kept.get(digest), canonical(head)]
    if (before !== undefined && equalBytes(before.head, bytes) && equalBytes(before.body, body)) return 0
    kept.set(digest, { digest, path, version, head: bytes, body })
    return 1
  }
  const keep = (next: Verified, { history = [], ciphertexts = [] }: { history?: readonly Verified[]; ciphertexts?: readonly Ciphertext[] }): true => {
    secrets.set(next.record.path, rowOf(next))
    for (const each of [next, ...history]) former.set(`${each.record.path} ${each.record.seq}`, each)
    for (const each of ciphertexts) add(next.record.path, each)
    const wanted = new Set(next.record.versions.flatMap(({ state, ciphertext }) => (state === 'destroyed' ? [] : [ciphertext])))
    for (const each of kept.values()) if (each.path === next.record.path && !wanted.has(each.digest)) kept.delete(each.digest)
    return true
  }
  const ordered = <T extends { readonly path: string }>(rows: Iterable<T>): T[] => [...rows].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return {
    secrets,
    former,
    kept,
    newest: async (paths) => new Map(paths.flatMap((path) => { const row = secrets.get(path); return row === undefined ? [] : [[path, row] as const] })),
    recordAt: async (path, digest) => [...former.values()].find((each) => each.record.path === path && each.digest === digest)?.signed,
    ciphertexts: async (digests) => new Map(digests.flatMap((digest) => { const row = kept.get(digest); return row === undefined ? [] : [[digest, row] as const] })),
    async advance(next, ciphertext) {
      const here = secrets.get(next.record.path)
      if ((here?.digest ?? null) !== next.record.previous || (here !== undefined && here.seq >= next.record.seq)) return false
      return keep(next, ciphertext === undefined ? {} : { ciphertexts: [ciphertext] })
    },
    async adopt(next, more = {}) {
      const here = secrets.get(next.record.path)
      if (here !== undefined && here.seq >= next.record.seq && here.digest !== more.instead) return false
      return keep(next, more)
    },
    fill: async (path, ciphertexts) => ciphertexts.reduce((sum, each) => sum + add(path, each), 0),
    scan: async ({ from, before, limit, search }) => ordered(secrets.values()).filter(({ path, removed }) => path >= from && path < before && !removed).slice(0, limit).map(({ path, search: text }) => ({ path, hit: search === undefined || text.includes(search) })),
    history: async (path, { below, limit }) => [...former.values()].filter(({ record }) => record.path === path && record.seq < below).toSorted((a, b) => b.record.seq - a.record.seq).slice(0, limit).map(({ record, signed }) => ({ seq: record.seq, signed })),
    async settled(path, digest) {
      const row = secrets.get(path)
      if (row?.digest === digest) secrets.set(path, { ...row, pending: false })
    },
    async unsettled(limit, now) {
      const due = ordered(secrets.values()).filter(({ pending, tried }) => pending && tried < now).slice(0, limit)
      for (const row of due) secrets.set(row.path, { ...row, tried: now })
      return due
    },
    cursorKey: async () => bytesOf('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' as Base64url),
  }
}
