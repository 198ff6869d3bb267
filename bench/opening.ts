import { createECDH } from 'node:crypto'
import { openArena } from '@symbolon/core/arena.ts'
import { nobleEd25519Suite } from '@symbolon/core/noble.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { combine } from '@symbolon/core/tdh2-combine.ts'
import { answers, check, dealVault, seal, secretOf } from '@symbolon/core/tdh2.testkit.ts'
import { encrypt, partial, verifyCiphertext } from '@symbolon/core/tdh2.ts'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { seal as sealTo } from '@symbolon/signer/hpke.ts'
import { cpuOf, least } from './cpu.ts'

/* What threshold decryption costs alone, 2-of-3, in microseconds of CPU; noble does the same beside it. */

export interface OpeningFigures {
  /** The writer: hides a data key, with the proof that it knows it. */
  readonly encrypt: number
  /** Each signer, once for a ciphertext: its proof. The reader as well. */
  readonly verify_ciphertext: number
  /** Each signer, each time: its part and the proof of it. */
  readonly partial: number
  /** The reader: two parts, unproven, to the data key. */
  readonly combine: number
}

export interface OpeningResults {
  readonly unit: 'microseconds of CPU'
  readonly ours: OpeningFigures
  readonly noble: OpeningFigures
  /** Each signer seals its parts to the reader’s key (RFC 9180, P-256). */
  readonly hpke_seal: number
}

const label = utf8('{"environment":"prod","name":"db","namespace":"app","project":"payments","version":1}')
const dataKey = new Uint8Array(32).fill(7)

function measurer(suite: Suite, rounds: number): () => OpeningFigures {
  const vault = dealVault(suite, 2, [1, 2, 3])
  const { keys, members: [member] } = vault
  const { key } = keys.group
  const ciphertext = seal(vault, label, dataKey)
  const checked = check(vault, label, ciphertext)
  const partials = answers(vault, [1, 2], checked)
  const secret = secretOf(suite, dataKey)
  if (member === undefined) throw new Error('nobody was dealt a share')
  return () => ({
    encrypt: cpuOf(() => void encrypt(suite, { key, label, dataKey: secret }), rounds),
    verify_ciphertext: cpuOf(() => expectOk(verifyCiphertext(suite, key, label, ciphertext)), rounds),
    partial: cpuOf(() => expectOk(partial(suite, member, checked)), rounds),
    combine: cpuOf(() => {
      const opened = combine(suite, { keys, ciphertext: checked, partials })
      if (!opened.ok) throw new Error(opened.error.code)
      opened.value.wipe()
    }, rounds),
  })
}

function expectOk(result: { readonly ok: boolean }): void {
  if (!result.ok) throw new Error('the benchmark is broken: an honest part was refused')
}

function sealing(): { readonly hpke_seal: number } {
  const to = createECDH('prime256v1').generateKeys()
  const [info, plain] = [new Uint8Array(300).fill(3), new Uint8Array(190).fill(5)]
  return { hpke_seal: cpuOf(() => void sealTo({ to, info }, plain), 50) }
}

/** Runs everything, about ten seconds. */
export function measureOpening(): OpeningResults {
  const [ours, noble] = [measurer(sodiumSuite(openArena()), 40), measurer(nobleEd25519Suite(), 5)]
  for (let i = 0; i < 5; i++) ours()
  // In turns, so that a busy spell of the machine hits both.
  const turns = Array.from({ length: 15 }, () => ({ own: ours(), theirs: noble(), sealed: sealing() }))
  return { unit: 'microseconds of CPU', ours: least(turns.map(({ own }) => own)), noble: least(turns.map(({ theirs }) => theirs)), ...least(turns.map(({ sealed }) => sealed)) }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(measureOpening(), null, 2)}\n`)
