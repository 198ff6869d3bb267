import { join } from 'node:path'
import { openArena } from '@symbolon/core/arena.ts'
import { selfTest } from '@symbolon/core/selftest.ts'
import { requireNative, sodiumSuite } from '@symbolon/core/sodium.ts'
import { unfit } from '@symbolon/core/unfit.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { examineKeystore } from '@symbolon/keystore/doctor.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import { writeWhole } from '@symbolon/keystore/folder.ts'
import type { Keystore, KeystoreResult } from '@symbolon/keystore/keystore.ts'
import { createKeystore, openKeystore } from '@symbolon/keystore/settings.ts'
import { planDigest } from '@symbolon/roster/plan.ts'
import { runProcess, type Context, type Started } from '@symbolon/runtime/process.ts'
import { keygenConfig, type KeygenConfig } from './config.ts'
import { readPlan, runCeremony } from './run.ts'

/*
 * keygen init   makes this signer's identity and receive key, once, and writes the row that the ceremony plan carries
 * keygen plan   checks this operator's plan and prints its digest, to be compared with the other operators'
 * keygen run    takes part in the ceremony that this operator's plan describes, and ends
 * keygen doctor tries everything that the signer will need of its keystore, and prints one line: {"findings": […]}
 */

const refused = (code: string, message: string): Started => ({ state: 'refused', code, message })

async function start(context: Context<KeygenConfig>): Promise<Started> {
  const { config, command, log } = context
  if (command === 'plan') return showPlan(config)
  requireNative()
  const memory = openArena()
  const suite = sodiumSuite(memory)
  selfTest(suite)
  if (command === 'doctor') return examine(config, memory)
  const keystore = command === 'init' ? await openOrCreate(config, memory) : await openKeystore(config.keystore, { signer: config.signer, memory })
  if (!keystore.ok) return refused(keystore.error.code, describeKeystoreError(keystore.error))
  if (keystore.value.warning !== undefined) log.warn(keystore.value.warning)
  try {
    return command === 'init' ? publish(context, keystore.value) : await runCeremony(context, { suite, keystore: keystore.value })
  } finally {
    await keystore.value.close()
  }
}

/** Keys are made once: a second `init` shows the same row. */
async function openOrCreate({ keystore, signer }: KeygenConfig, memory: ReturnType<typeof openArena>): Promise<KeystoreResult<Keystore>> {
  const created = await createKeystore(keystore, { signer, memory })
  return created.ok || created.error.code !== 'keystore_exists' ? created : openKeystore(keystore, { signer, memory })
}

function showPlan(config: KeygenConfig): Started {
  const plan = readPlan(config)
  process.stdout.write(`plan digest ${planDigest(plan)}\n${plan.t} of ${plan.n}: ${plan.template.signers.map(({ id, name }) => `${id} ${name}`).join(', ')}; issuer ${plan.template.deployment.issuer}\n`)
  return { state: 'done' }
}

async function examine({ keystore, signer }: KeygenConfig, memory: ReturnType<typeof openArena>): Promise<Started> {
  const findings = await examineKeystore(keystore, { signer, memory })
  process.stdout.write(`${JSON.stringify({ findings })}\n`)
  const bad = findings.filter(({ ok }) => !ok)
  return bad.length === 0 ? { state: 'done' } : refused('keystore_unfit', bad.map(({ check, detail }) => `${check}: ${detail}`).join('; '))
}

function publish({ config, log }: Context<KeygenConfig>, { identity, hpke }: Keystore): Started {
  const path = join(config.state, 'public.json')
  writeWhole(path, canonical({ v: 1, id: config.signer, identity, hpke }))
  log.info({ path, id: config.signer, identity, hpke }, 'this signer’s public row, for the ceremony plan')
  return { state: 'done' }
}

await runProcess({ config: keygenConfig, commands: ['init', 'plan', 'run', 'doctor'], refusals: unfit, start })
