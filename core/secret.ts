/** What a secret is refused for. These are bugs of the caller, hence exceptions. */
export class SecretError extends Error {
  override readonly name = 'SecretError'
  readonly code: 'secret_wiped' | 'secret_serialised' | 'secret_outlives_borrow'
  constructor(code: SecretError['code']) {
    super(code)
    this.code = code
  }
}

/**
 * Bytes that are borrowed, never handed out: no string, JSON or inspection shows them, and once wiped they are gone.
 * Whoever borrows must not keep the view: its memory is given to the next secret.
 */
export class Secret {
  #bytes: Uint8Array | undefined
  readonly #release: (bytes: Uint8Array) => void

  /** @param release must overwrite the bytes before giving the memory to anyone else. */
  constructor(bytes: Uint8Array, release: (bytes: Uint8Array) => void) {
    this.#bytes = bytes
    this.#release = release
  }

  get wiped(): boolean {
    return this.#bytes === undefined
  }

  get length(): number {
    return this.#view().length
  }

  /** Calls `use` with the bytes. Synchronous: a promise would see the memory after somebody else wiped it. */
  borrow<T>(use: (bytes: Uint8Array) => T): T {
    const result = use(this.#view())
    if (result instanceof Promise) throw new SecretError('secret_outlives_borrow')
    return result
  }

  /** Overwrites the bytes and returns their memory. May be called twice. */
  wipe(): void {
    const bytes = this.#bytes
    this.#bytes = undefined
    if (bytes !== undefined) this.#release(bytes)
  }

  /** `using secret = memory.take(32)` wipes at the end of the block, whatever happens in it. */
  [Symbol.dispose](): void {
    this.wipe()
  }

  toJSON(): never {
    throw new SecretError('secret_serialised')
  }

  toString(): string {
    return '[Secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[Secret]'
  }

  #view(): Uint8Array {
    if (this.#bytes === undefined) throw new SecretError('secret_wiped')
    return this.#bytes
  }
}

/** Where secrets lie. */
export interface Memory {
  readonly locked: boolean
  /** Zeroed memory for one secret. */
  take(bytes: number): Secret
}

/** Ordinary heap memory, for clients and reference computations: wiped, but it can be swapped and copied. Never for a share. */
export const heapMemory: Memory = Object.freeze({
  locked: false,
  take: (bytes: number) => new Secret(new Uint8Array(bytes), (view) => view.fill(0)),
})
