import { fetchDocument } from './outbound.ts'
import { dropFiles, openKeyFiles, type KeyFiles } from './issuer-key-files.ts'
import type { Logger } from './log.ts'

/** What is needed of an issuer's row in the roster. Rows without `jwks_uri` have pinned keys and are none of this cache's business. */
export type IssuerRow = {
  readonly id: string
  readonly issuer: string
  readonly jwks_uri?: string | undefined
  readonly ca?: string | undefined
  readonly allowed_addresses?: readonly string[] | undefined
}

export type ParsedKeys<Key> = { readonly ok: true; readonly keys: ReadonlyMap<string, Key> } | { readonly ok: false; readonly reason: string }

/** One issuer's keys by `kid`; in `absent`, the `kid`s that a document of just now did not have. */
export type KeySet<Key> = { readonly keys: ReadonlyMap<string, Key>; readonly absent: ReadonlySet<string> }
/** By id of the issuer's row. Plain data: it may cross to worker threads. */
export type KeySnapshot<Key> = ReadonlyMap<string, KeySet<Key>>

/** Seconds, but for `burst`. */
export const issuerKeyTimes = {
  /** Older documents are fetched again in the background, asked for or not: a key that its issuer withdrew ends within this. */
  fresh: 300,
  /** While an issuer cannot be reached, its last keys count for this long, over a restart too; then for nothing. */
  usable: 3600,
  /** A fetch of one document every so often, whatever is asked: unknown `kid`s cost an issuer no more. */
  pause: 10,
  /** Fetches (a number) that may follow at once when there were none for long: a rotation just after a fetch is found. */
  burst: 3,
  /** How long a `kid` is refused without looking again, after a document that was asked for because of it did not have it. */
  absent: 30,
  /** How often ages are looked at. */
  tick: 1,
} as const

export type IssuerKeysOptions<Key> = {
  readonly rows: readonly IssuerRow[]
  /** Of this process alone. Its files are a cache: losing them costs one fetch each. */
  readonly directory: string
  /** Strict and pure: the document as it came. */
  readonly parse: (document: Uint8Array) => ParsedKeys<Key>
  readonly log: Logger
  /** Called with every new snapshot, at once. */
  readonly onChange?: (keys: KeySnapshot<Key>) => void
  /** Seconds since 1970. */
  readonly now?: () => number
  readonly times?: { readonly [Name in keyof typeof issuerKeyTimes]: number }
}

/** `known`: the key is there. `absent`: the issuer has none of that name. `unavailable`: nobody can say now. */
export type Looked = 'known' | 'absent' | 'unavailable'

/**
 * The keys of the roster's issuers, each fetched by this process itself from where its row says, and from nowhere else. Nothing in
 * a message leads anywhere: an unknown `kid` at most makes the row's own document be fetched again.
 */
export type IssuerKeyCache<Key> = {
  /** The same object until something changes. */
  keys(): KeySnapshot<Key>
  /** Looks for a key that a judgement missed. Callers at the same time share one fetch. */
  refresh(issuer: string, kid: string): Promise<Looked>
  /** From a new roster. What a row no longer says ends before this returns, on disk too. */
  setRows(rows: readonly IssuerRow[]): void
  close(): Promise<void>
}

export const openIssuerKeys = <Key>(options: IssuerKeysOptions<Key>): IssuerKeyCache<Key> => new Cache(options)

/** `kid`s of one issuer that one document answers for; whoever asks for more makes the others wait, never refused. */
const maxAbsent = 64
const maxKid = 128
const outbound = { timeoutMs: 5_000, maxBytes: 256 * 1024, contentTypes: ['application/json', 'application/jwk-set+json'] }
/** A clock may be set back a little; a document from further ahead has no age that could be judged. */
const clockStep = 60

type Fetched<Key> = { readonly at: number; readonly keys: ReadonlyMap<string, Key> }
type Entry<Key> = {
  readonly row: IssuerRow & { readonly jwks_uri: string }
  fetched: Fetched<Key> | undefined
  /** When the next fetch may begin if no burst is to be used up: ahead of the clock by a pause per fetch made. */
  paidUntil: number
  attemptedAt: number
  /** `kid` → until when. */
  readonly absent: Map<string, number>
  /** What was asked for since the last fetch began: the next document answers for all of these at once. */
  asked: Set<string>
  underWay: Promise<void> | undefined
}

class Cache<Key> implements IssuerKeyCache<Key> {
  readonly #options: IssuerKeysOptions<Key>
  readonly #times: { readonly [Name in keyof typeof issuerKeyTimes]: number }
  readonly #files: KeyFiles
  readonly #timer: NodeJS.Timeout
  #entries = new Map<string, Entry<Key>>()
  #snapshot: KeySnapshot<Key> = new Map()

  constructor(options: IssuerKeysOptions<Key>) {
    this.#options = options
    this.#times = options.times ?? issuerKeyTimes
    this.#files = openKeyFiles(options.directory, options.log)
    this.setRows(options.rows)
    this.#timer = setInterval(() => this.#tick(), this.#times.tick * 1000).unref()
  }

  keys(): KeySnapshot<Key> {
    return this.#snapshot
  }

  setRows(rows: readonly IssuerRow[]): void {
    const fetched = rows.flatMap((row) => (row.jwks_uri === undefined ? [] : [{ ...row, jwks_uri: row.jwks_uri }]))
    // Keys that were fetched under another URL, CA or address list are another row's keys, whatever its id.
    this.#entries = new Map(fetched.map((row) => [row.id, this.#same(row) ?? this.#opened(row)]))
    dropFiles(this.#files, fetched)
    this.#changed()
    this.#tick()
  }

  async refresh(issuer: string, kid: string): Promise<Looked> {
    const entry = this.#entries.get(issuer)
    if (entry === undefined) return 'unavailable'
    const knows = () => this.#entries.get(issuer) === entry && this.#usable(entry)?.keys.has(kid) === true
    // First, so that nobody who needs no fetch waits for one.
    if (knows()) return 'known'
    if (kid.length > maxKid || this.#isAbsent(entry, kid)) return 'absent'
    if (entry.asked.size < maxAbsent) entry.asked.add(kid)
    // A fetch that began before this question may say yes. It cannot say no: the key may be younger than its document.
    await entry.underWay
    if (knows()) return 'known'
    await this.#update(entry)
    if (knows()) return 'known'
    return this.#isAbsent(entry, kid) ? 'absent' : 'unavailable'
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#entries.values()].map((entry) => entry.underWay))
  }

  #now(): number {
    return (this.#options.now ?? (() => Math.floor(Date.now() / 1000)))()
  }

  #same(row: IssuerRow): Entry<Key> | undefined {
    const known = this.#entries.get(row.id)
    return known !== undefined && this.#files.nameOf(known.row) === this.#files.nameOf(row) ? known : undefined
  }

  #opened(row: Entry<Key>['row']): Entry<Key> {
    const stored = this.#files.read(row)
    const parsed = stored === undefined ? undefined : this.#options.parse(stored.document)
    const fetched = stored !== undefined && parsed?.ok === true ? { at: stored.at, keys: parsed.keys } : undefined
    return { row, fetched, paidUntil: -Infinity, attemptedAt: -Infinity, absent: new Map(), asked: new Set(), underWay: undefined }
  }

  #usable(entry: Entry<Key>): Fetched<Key> | undefined {
    const age = this.#now() - (entry.fetched?.at ?? -Infinity)
    return age <= this.#times.usable && age >= -clockStep ? entry.fetched : undefined
  }

  #isAbsent(entry: Entry<Key>, kid: string): boolean {
    return (entry.absent.get(kid) ?? -Infinity) > this.#now()
  }

  /** Whoever comes while a fetch is under way shares it; whoever comes after too many gets none. */
  #update(entry: Entry<Key>): Promise<void> {
    if (entry.underWay !== undefined) return entry.underWay
    if (!this.#mayFetch(entry)) return Promise.resolve()
    entry.underWay = this.#fetch(entry).finally(() => {
      entry.underWay = undefined
    })
    return entry.underWay
  }

  #mayFetch(entry: Entry<Key>): boolean {
    const now = this.#now()
    const { pause, burst } = this.#times
    // After the clock was set back, what was paid ahead of it would last too long.
    const paid = entry.paidUntil > now + pause * burst ? now : Math.max(now, entry.paidUntil)
    if (paid + pause > now + pause * burst) return false
    entry.paidUntil = paid + pause
    entry.attemptedAt = now
    return true
  }

  async #fetch(entry: Entry<Key>): Promise<void> {
    const { row, asked } = entry
    entry.asked = new Set()
    const { log, parse } = this.#options
    const result = await fetchDocument(row.jwks_uri, { ...outbound, allowedAddresses: row.allowed_addresses ?? [], ...(row.ca === undefined ? {} : { ca: row.ca }) })
    // The roster may have changed meanwhile: what an older row led to no longer counts.
    if (this.#entries.get(row.id) !== entry) return
    const parsed = result.ok ? parse(result.body) : result
    if (!result.ok || !parsed.ok) return log.warn({ issuer: row.id, reason: parsed.ok ? 'none' : parsed.reason, ...(result.ok ? {} : { detail: result.detail }) }, 'an issuer’s keys could not be fetched')
    const at = this.#now()
    entry.fetched = { at, keys: parsed.keys }
    for (const kid of asked) entry.absent.set(kid, at + this.#times.absent)
    for (const kid of parsed.keys.keys()) entry.absent.delete(kid)
    this.#files.write(row, { at, document: result.body })
    log.info({ issuer: row.id, kids: [...parsed.keys.keys()] }, 'an issuer’s keys were fetched')
    this.#changed()
  }

  #tick(): void {
    for (const entry of this.#entries.values()) {
      const age = this.#now() - (entry.fetched?.at ?? -Infinity)
      const since = Math.abs(this.#now() - entry.attemptedAt)
      if ((age > this.#times.fresh || age < -clockStep) && since >= this.#times.pause) void this.#update(entry)
    }
    const ended = [...this.#entries.values()].some((entry) => this.#endedSince(entry))
    if (ended) this.#changed()
  }

  /** Does the snapshot still show what has ended by now? */
  #endedSince(entry: Entry<Key>): boolean {
    const shown = this.#snapshot.get(entry.row.id)
    return (shown !== undefined && this.#usable(entry) === undefined) || [...entry.absent.values()].some((until) => until <= this.#now())
  }

  #changed(): void {
    for (const { absent } of this.#entries.values()) for (const [kid, until] of absent) if (until <= this.#now()) absent.delete(kid)
    this.#snapshot = new Map(
      [...this.#entries].flatMap(([id, entry]) => {
        const fetched = this.#usable(entry)
        return fetched === undefined ? [] : [[id, { keys: fetched.keys, absent: new Set(entry.absent.keys()) }]]
      }),
    )
    this.#options.onChange?.(this.#snapshot)
  }
}
