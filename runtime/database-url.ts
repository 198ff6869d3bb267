import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { SecretFile, checkSecret } from './secret-file.ts'

/** Where a database is: over a unix socket (`host` is its directory), or over TCP with mutual TLS and nothing less. */
export type DatabaseTarget = {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: SecretFile } | undefined
}

type Problem = { readonly code: string; readonly message: string }
const parameters = new Set(['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'])

/**
 * A `postgres://` URL as libpq knows it. A unix socket is named by its directory: `postgres://api@/symbolon?host=/run/symbolon`.
 * Over TCP: `sslmode=verify-full` with `sslrootcert`, `sslcert` and `sslkey`, absolute paths. A password in the URL is refused: it has a file of its own.
 */
export const databaseUrl = () =>
  z.string().max(4096).transform((text, context): DatabaseTarget => {
    const read = readDatabaseUrl(text)
    for (const { code, message } of read.problems) context.addIssue({ code: 'custom', message, params: { code } })
    return read.target
  })

export function readDatabaseUrl(text: string): { readonly target: DatabaseTarget; readonly problems: readonly Problem[] } {
  // libpq allows an empty host behind a user, WHATWG does not: a placeholder stands in.
  const parsed = text.replace(/^(postgres(?:ql)?:\/\/(?:[^/@]*@)?)(?=[:/])/, '$1unix.invalid')
  const nowhere: DatabaseTarget = { host: '', port: 0, database: '', user: '', tls: undefined }
  const malformed = (message: string) => ({ target: nowhere, problems: [{ code: 'database_url_malformed', message }] })
  if (!/^postgres(ql)?:\/\//.test(parsed) || !URL.canParse(parsed)) return malformed('is not a postgres:// URL')
  const url = new URL(parsed)
  const problems: Problem[] = []
  const complain = (code: string, message: string) => void problems.push({ code, message })
  if (url.password !== '') complain('database_password_in_url', 'a password rests in a file of its own, not in the URL')
  if (url.username === '') complain('database_url_malformed', 'names no user')
  const database = decodeURIComponent(url.pathname.slice(1))
  if (database === '' || database.includes('/')) complain('database_url_malformed', 'names no database')
  for (const name of url.searchParams.keys()) if (!parameters.has(name) || url.searchParams.getAll(name).length > 1) complain('database_parameter_unknown', `the parameter ${JSON.stringify(name)} is not known, or given twice`)

  const common = { port: url.port === '' ? 5432 : Number(url.port), database, user: decodeURIComponent(url.username) }
  const socket = url.searchParams.get('host')
  if (socket === null && url.hostname !== 'unix.invalid') return { target: { ...common, host: url.hostname.replace(/^\[|\]$/g, ''), tls: readTlsParameters(url.searchParams, complain) }, problems }
  if (url.hostname !== 'unix.invalid' || socket === null || !isAbsolute(socket)) complain('database_url_malformed', 'a unix socket is named by an absolute directory in host=, with no other host')
  return { target: { ...common, host: socket ?? '', tls: undefined }, problems }
}

function readTlsParameters(query: URLSearchParams, complain: (code: string, message: string) => void): DatabaseTarget['tls'] {
  const path = (name: string): string => {
    const value = query.get(name) ?? ''
    if (!isAbsolute(value)) complain('database_tls_required', `${name} must be an absolute path`)
    return value
  }
  if (query.get('sslmode') !== 'verify-full') complain('database_tls_required', 'over TCP only sslmode=verify-full is taken')
  const [ca, certificate, key] = [path('sslrootcert'), path('sslcert'), path('sslkey')]
  const problem = isAbsolute(key) ? checkSecret(key) : undefined
  if (problem !== undefined) complain(problem.code, `sslkey ${problem.message}`)
  return { ca, certificate, key: new SecretFile(key) }
}
