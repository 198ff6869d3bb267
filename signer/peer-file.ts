import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { signerId } from '@symbolon/protocol/fields.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { readBounded, writeWhole } from '@symbolon/keystore/folder.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import { SafeError, type Logger } from '@symbolon/runtime/log.ts'
import { bootHolds, provenHead, remembered, type Remembered } from './peers.ts'

/* What this signer remembers of the others, on its own disk. Losing it costs only memory: the others remember too. */

export interface PeerMemory {
  get(signer: number): Remembered | undefined
  set(signer: number, memory: Remembered): void
  /** Writes what has changed since; false if that failed. */
  save(): boolean
}

const file = z.strictObject({ v: z.literal(1), peers: z.array(z.strictObject({ signer: signerId, ...remembered.shape })).max(limits.signers) })
const maxBytes = 1024 * 1024

export interface PeerFileOptions {
  /** The signer's state folder. */
  readonly folder: string
  readonly signers: readonly SignerRow[]
  readonly log: Pick<Logger, 'warn'>
  /** Told of every failed write. */
  onFailure(error: unknown): void
}

export function openPeerFile({ folder, signers, log, onFailure }: PeerFileOptions): PeerMemory {
  const path = join(folder, 'peers.json')
  const known = new Map<number, Remembered>()
  for (const { signer, ...memory } of read(path)) {
    const row = signers.find(({ id }) => id === signer)
    // Of a signer that has left, or has another identity key since: nobody's word any more.
    if (row !== undefined && isProven(memory, row)) known.set(signer, memory)
    else log.warn({ peer: signer }, 'what was remembered of a peer does not prove itself and is forgotten')
  }
  let changed = false
  return {
    get: (signer) => known.get(signer),
    set(signer, memory) {
      changed ||= known.get(signer) !== memory
      known.set(signer, memory)
    },
    save() {
      if (!changed) return true
      try {
        writeWhole(path, canonical({ v: 1, peers: [...known].map(([signer, memory]) => ({ signer, ...memory })) } satisfies z.infer<typeof file>))
        changed = false
        return true
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error
        onFailure(error)
        return false
      }
    },
  }
}

const isProven = ({ newest, longest }: Remembered, row: SignerRow): boolean => bootHolds(newest, row) && (longest === undefined || provenHead(longest, row) === undefined)

function read(path: string): z.infer<typeof file>['peers'] {
  if (!existsSync(path)) return []
  const found = decodeAs(file, readBounded(path, maxBytes) ?? new Uint8Array(), maxBytes)
  if (found.ok) return found.value.peers
  throw new SafeError('peers_unreadable', `${path} is not what this signer wrote (${found.reason}). Put it back, or remove it: then this signer has forgotten how far the others were, and says so of none of them.`)
}
