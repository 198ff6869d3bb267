import type { CertificateFiles } from './ca.ts'
import type { Deployment } from './deployment.ts'

/** What a row's config builder may use. */
export type RowContext = {
  /** The process's own folder, 0700, already there. */
  readonly folder: string
  /** The settings that every process has (`processFields` of runtime/process.ts). */
  readonly common: { readonly name: string; readonly pid_file: string; readonly log_level: 'info' }
  /** Its certificate, for `tlsFields` of runtime/identity.ts. */
  readonly tls: CertificateFiles
  /** For `databaseFields` of runtime/database.ts: the role's own schema. */
  database(role: string): Readonly<Record<string, unknown>>
}

/** One process of ours. The launcher writes its config and starts `node <program>/main.ts --config <home>/<name>/config.json`. */
export type Row = {
  readonly name: string
  /** The folder of the checkout that holds its `main.ts`. */
  readonly program: string
  /** The URI name in its certificate. */
  readonly identity: string
  readonly port: number
  readonly needs: readonly string[]
  /** How it is asked whether it is ready: over the channel as `symbolon:operator/dev`, or over plain HTTP. */
  readonly ready: 'channel' | 'http'
  config(context: RowContext): Readonly<Record<string, unknown>>
}

/** Something that must have been done before any process starts: a key ceremony. */
export type Preparation = {
  readonly name: string
  isDone(deployment: Deployment): boolean
  run(tools: PreparationTools): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
}
export type PreparationTools = {
  readonly deployment: Deployment
  certificate(name: string, identity: string): Promise<CertificateFiles>
  /** Runs `node <program>/main.ts <command> --config file` to its end; its output goes to the log of that name. */
  run(options: { readonly program: string; readonly command: string; readonly config: string; readonly log: string }): Promise<{ readonly code: number; readonly lastWords: string }>
  say(line: string): void
}
