import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { viewOf, type Finding } from './doctor.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import type { View } from './view.ts'

const report = z.object({ signer: z.int().optional(), backend: z.string().optional(), findings: z.array(z.object({ check: z.string(), ok: z.boolean(), detail: z.string() })) })

/** A signer's own program looks at its device: this one never sees a PIN. */
const program = join(import.meta.dirname, '../signer/doctor.ts')

/**
 * Looks at the keystore of each signer on this machine: the device, the keys in it, and whether the sealed share opens and fits the
 * roster. One at a time, each with one try of its PIN.
 */
export async function doctorHsm(configs: readonly string[], io: Io): Promise<{ readonly view: View; readonly well: boolean }> {
  const paths = configs.length > 0 ? configs : ofHome(io)
  if (!existsSync(program)) throw new LocalFailure('There is no signer here', `${program} is not part of this installation`, 'Run this on the signer’s machine.')
  const findings: Finding[] = []
  for (const path of paths) findings.push(...(await slowly(io, `looking at ${path}`, examine(path))))
  return { view: viewOf(findings), well: findings.every((finding) => finding.ok) }
}

function ofHome({ env }: Io): readonly string[] {
  const home = env['SYMBOLON_HOME'] ?? ''
  const found = home !== '' && existsSync(home) ? readdirSync(home).filter((name) => /^signer-[0-9]+$/.test(name)).toSorted((a, b) => Number(a.slice(7)) - Number(b.slice(7))) : []
  if (found.length === 0) throw new LocalFailure('No signer is named', 'there is no development deployment to look at', 'Give --config with a signer’s config.json.')
  return found.map((name) => join(home, name, 'config.json'))
}

async function examine(path: string): Promise<readonly Finding[]> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, '--config', path], { timeout: 60_000, maxBuffer: 262_144 })
    const read = decodeAs(report, Buffer.from(stdout), 262_144)
    if (!read.ok) return [{ check: path, ok: false, detail: 'the signer’s program said nothing that can be read', fix: 'Compare versions.' }]
    const { signer, backend, findings } = read.value
    return findings.map(({ check, ok, detail }) => ({ check: `signer ${signer ?? path}${backend === undefined ? '' : ` (${backend})`} ${check}`, ok, detail, fix: ok ? '' : 'The signer will not start until this is put right.' }))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return [{ check: path, ok: false, detail: 'the signer’s program ended early', fix: `Run it by hand: node signer/doctor.ts --config ${path}` }]
  }
}
