/**
 * Something that is replaced while requests use it. Each request takes what is current once, at its start, and keeps it to its end; what was
 * replaced is closed after its last request.
 */
export interface Holder<T> {
  current(): T
  use<R>(work: (value: T) => Promise<R>): Promise<R>
  /** From here on `next` is current. Resolves when what it replaces is closed. */
  replace(next: Held<T>): Promise<void>
  /** Closes what is current; nothing may be used after. */
  close(): Promise<void>
}

export interface Held<T> {
  readonly value: T
  close(): Promise<void>
}

interface Slot<T> extends Held<T> {
  users: number
  /** Set when it was replaced; resolved when nobody uses it. */
  idle: PromiseWithResolvers<void> | undefined
}

export function openHolder<T>(first: Held<T>): Holder<T> {
  let slot: Slot<T> = slotOf(first)
  const retire = async (old: Slot<T>): Promise<void> => {
    old.idle = Promise.withResolvers()
    if (old.users === 0) old.idle.resolve()
    await old.idle.promise
    await old.close()
  }
  return {
    current: () => slot.value,
    async use(work) {
      const mine = slot
      mine.users += 1
      try {
        return await work(mine.value)
      } finally {
        mine.users -= 1
        if (mine.users === 0) mine.idle?.resolve()
      }
    },
    replace(next) {
      const old = slot
      slot = slotOf(next)
      return retire(old)
    },
    close: () => slot.close(),
  }
}

const slotOf = <T>({ value, close }: Held<T>): Slot<T> => ({ value, close, users: 0, idle: undefined })
