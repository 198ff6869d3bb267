import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { secondsOf } from './connect.ts'
import { failureLines, LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { maskAll } from './kv.ts'
import { dryView, numberOf } from './kv-view.ts'
import { maskForms, openMasking } from './masking.ts'
import { startChild, withoutCoreDumps, type Child } from './run-child.ts'
import { openSecretFiles, type SecretFiles } from './run-files.ts'
import { load, planOf, type Loaded, type RunPlan } from './run-plan.ts'
import type { OpenSecrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

export const runFlags = z.object({
  env: z.array(z.string()).default([]),
  secret: z.array(z.string()).default([]),
  prefix: z.string().default(''),
  mount: z.array(z.string()).default([]),
  fileEnv: z.array(z.string()).default([]),
  reads: z.string().optional(),
  project: z.boolean().default(true),
  inheritEnv: z.boolean().default(true),
  mask: z.boolean().default(false),
  refresh: z.string().optional(),
  onChange: z.string().optional(),
  dryRun: z.boolean().default(false),
})
export type RunFlags = z.infer<typeof runFlags>

type Reaction = NodeJS.Signals | 'restart' | undefined
const reactions = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'restart'] as const

/** Runs a command with secrets that were named, and nothing else changed. Its exit code is ours. */
export async function run(command: readonly string[], flags: RunFlags, settings: Settings, io: Io, open: OpenSecrets): Promise<Outcome<View> | { readonly ok: true; readonly value: View; readonly exit: number }> {
  if (command.length === 0) throw new LocalFailure('There is no command', 'nothing stands behind --', 'Write symbolon run --env NAME=path#key -- command.')
  const plan = planOf(flags, io)
  const reaction = reactionOf(flags)
  const refreshMs = flags.refresh === undefined ? undefined : secondsOf(flags.refresh, '--refresh') * 1000
  const reads = flags.reads === undefined ? undefined : numberOf(flags.reads, '--reads', 1)
  if (flags.dryRun) return ok(planView(command, plan))
  if (!withoutCoreDumps()) io.err.write('note: core dumps cannot be turned off here; see `ulimit -c`\n')
  const read = () => (isEmpty(plan) ? Promise.resolve(ok(nothing)) : open(settings, io, (secrets) => load(secrets, plan)))
  const first = await read()
  if (!first.ok) return first
  await maskAll(first.value.opened, io)
  const files = plan.files.length === 0 ? undefined : openSecretFiles(io, reads)
  try {
    const named = files === undefined ? {} : putFiles(files, plan, first.value)
    const exit = await attend({ command, loaded: first.value, envOf: (loaded) => childEnv(io, flags.inheritEnv, { ...loaded.env, ...named }), mask: flags.mask, refreshMs, reaction, read, files }, io)
    return { ok: true, value: said, exit }
  } finally {
    files?.close()
  }
}

const said: View = { data: {}, tables: [], silent: true }
const nothing: Loaded = { env: {}, files: [], values: [], opened: [] }
const isEmpty = ({ variables, whole, files }: RunPlan): boolean => variables.length + whole.length + files.length === 0

function reactionOf({ onChange, refresh }: RunFlags): Reaction {
  if (onChange === undefined) return undefined
  const found = reactions.find((each) => each === onChange || each === `SIG${onChange}`)
  if (found === undefined) throw new LocalFailure('--on-change says nothing that is known', `${JSON.stringify(onChange.slice(0, 40))} is no signal here`, `Use ${reactions.join(', ')}.`)
  if (refresh === undefined) throw new LocalFailure('Nothing would be noticed', '--on-change needs --refresh', 'Add for example --refresh 5m.')
  return found
}

/** @returns variables that name files */
function putFiles(files: SecretFiles, plan: RunPlan, loaded: Loaded): Record<string, string> {
  return Object.fromEntries(plan.files.flatMap(({ target, variable }, at) => {
    const path = files.put(loaded.files[at] ?? '', target)
    return variable === undefined ? [] : [[variable, path]]
  }))
}

/** What `./symbolon` sets for itself is not the caller's. */
function childEnv({ env }: Io, inherit: boolean, named: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const { SYMBOLON_HOME_BY: by, SYMBOLON_HOME: home, ...rest } = env
  return { ...(inherit ? rest : {}), ...(inherit && by === undefined && home !== undefined ? { SYMBOLON_HOME: home } : {}), ...named }
}

interface Attending {
  readonly command: readonly string[]
  readonly loaded: Loaded
  envOf(loaded: Loaded): Record<string, string | undefined>
  readonly mask: boolean
  readonly refreshMs: number | undefined
  readonly reaction: Reaction
  read(): Promise<Outcome<Loaded>>
  readonly files: SecretFiles | undefined
}

async function attend({ command, loaded: first, envOf, mask, refreshMs, reaction, read, files }: Attending, io: Io): Promise<number> {
  let loaded = first
  const masked = mask ? openMasking(first.values.flatMap(maskForms)) : undefined
  const start = (): Child => startChild({ command, env: envOf(loaded), masked }, io)
  let child = start()
  let again = false
  let reading = false
  const refresh = async (): Promise<void> => {
    const next = await read()
    if (!next.ok) return void io.err.write(`symbolon: secrets were not read again: ${failureLines(next.error)[0] ?? ''}\n`)
    const changedEnv = !isDeepStrictEqual(next.value.env, loaded.env)
    const changedFiles = next.value.files.flatMap((content, at) => (isDeepStrictEqual(content, loaded.files[at]) ? [] : [at]))
    if (!changedEnv && changedFiles.length === 0) return
    loaded = next.value
    // What was a secret before is still one.
    masked?.add(loaded.values.flatMap(maskForms))
    for (const at of changedFiles) files?.update(at, loaded.files[at] ?? '')
    if (reaction === 'restart') {
      again = true
      child.stop()
      return
    }
    if (changedEnv) io.err.write('symbolon: a secret changed; a running command keeps the variables it has. --on-change restart gives it the new ones.\n')
    if (reaction !== undefined) child.signal(reaction)
  }
  const tick = async (): Promise<void> => {
    if (reading) return
    reading = true
    try {
      await refresh()
    } catch (error) {
      // A key that is gone, or a folder: the command goes on with what it has.
      if (!(error instanceof LocalFailure)) throw error
      io.err.write(`symbolon: secrets were not read again: ${error.what}: ${error.why}\n`)
    } finally {
      reading = false
    }
  }
  const timer = refreshMs === undefined ? undefined : setInterval(() => void tick(), refreshMs)
  try {
    for (;;) {
      const exit = await child.exit
      if (!again || child.isEnding()) return exit
      again = false
      child = start()
    }
  } finally {
    clearInterval(timer)
  }
}

function planView(command: readonly string[], { variables, whole, files }: RunPlan): View {
  const text = ({ path, key }: { readonly path: string; readonly key: string | undefined }) => (key === undefined ? path : `${path}#${key}`)
  return dryView({
    would: 'run',
    command: [...command],
    env: Object.fromEntries(variables.map(({ name, from }) => [name, text(from)])),
    secrets: whole.map(({ from, prefix }) => ({ path: from.path, prefix })),
    files: files.map(({ from, target, variable }) => ({ from: text(from), ...(target === undefined ? {} : { file: target }), ...(variable === undefined ? {} : { variable }) })),
  })
}
