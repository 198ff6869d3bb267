import { groupOf, type Roster } from '@symbolon/roster/roster.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import type { Address } from '@symbolon/runtime/config.ts'
import type { TlsMaterial } from '@symbolon/runtime/identity.ts'
import { SafeError, type Logger } from '@symbolon/runtime/log.ts'
import type { Audit } from './audit.ts'
import type { Boot } from './boot.ts'
import type { Adopt, Book } from './book.ts'
import { takeDrop } from './drop.ts'
import { openHeads, type Heads } from './heads.ts'
import type { Journal } from './journal.ts'
import { openPeerFile } from './peer-file.ts'
import { bindingSpan } from './peers.ts'

/* The rim of `heads.ts`: channels to the other signers, the clocks, the timer, and the operator's file. */

export interface HearingParts {
  readonly id: number
  readonly boot: Boot
  /** The document as it was at the start: signers and groups change by ceremony only, and then this process starts anew. */
  readonly roster: Roster
  /** The roster in force now. */
  readonly current: () => Pick<Roster, 'issuers'>
  readonly book: Pick<Book, 'summary'>
  readonly adopt: Adopt
  readonly journal: Pick<Journal, 'head' | 'holds'>
  readonly tls: TlsMaterial
  /** The signer's state folder. */
  readonly folder: string
  readonly log: Logger
  readonly audit: Audit
}

export interface Hearing {
  readonly heads: Heads
  /** Begins to ask; to be called once this signer can be asked itself. */
  start(): void
  close(): void
}

const everyMs = 1_000

export function openHearing(parts: HearingParts): Hearing {
  const { id, roster, folder, log, audit, tls, adopt } = parts
  const group = groupOf(roster, 'token')
  if (group === undefined) throw new TypeError('the roster has a group key for tokens')
  const channels = new Map(roster.signers.filter((row) => row.id !== id).map((row): [number, Channel] => [row.id, connectChannel({ tls, address: addressOf(row.address), expect: `symbolon:signer/${row.id}` })]))
  const heads = openHeads({
    ...parts,
    signers: roster.signers,
    threshold: group.t,
    epoch: group.epoch,
    memory: openPeerFile({ folder, signers: roster.signers, log, onFailure: (error) => audit.failed('peers_unsaved', error) }),
    span: () => bindingSpan(parts.current()),
    now: () => ({ steady: performance.now(), wall: Date.now() }),
    ask(peer, path, body, options) {
      const channel = channels.get(peer)
      if (channel === undefined) throw new TypeError(`signer ${peer} is not in the roster`)
      return channel.post(path, body, options)
    },
  })
  let timer: NodeJS.Timeout | undefined
  // Failures to be expected are values by now; whatever else rejects is a bug, which ends the process.
  const pulse = () => void Promise.all([heads.pulse(), takeDrop({ folder, adopt, log })])
  return {
    heads,
    start() {
      pulse()
      timer = setInterval(pulse, everyMs)
    },
    close() {
      clearInterval(timer)
      for (const channel of channels.values()) channel.close()
    },
  }
}

function addressOf(hostPort: string): Address {
  const at = hostPort.lastIndexOf(':')
  const port = Number(hostPort.slice(at + 1))
  if (port > 65_535) throw new SafeError('address_invalid', `the roster names ${hostPort} as a signer’s address, which has no such port`)
  return { host: hostPort.slice(0, at).replace(/^\[|\]$/g, ''), port }
}
