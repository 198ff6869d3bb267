import { audience, line } from '@symbolon/protocol/fields.ts'

/* What a link to the page of minting asks for, in its fragment: the command line writes it for scopes that need a touch. Nothing is signed by it. */

export interface Wish {
  readonly scope: string
  readonly aud?: string
  /** Seconds. */
  readonly ttl: string
  readonly reason: string
  /** Whether there was anything in the link. */
  readonly isGiven: boolean
}

/** Whatever is not of its form is left out: the person sees the fields before anything is signed. */
export function wishIn(fragment: string): Wish {
  const given = new URLSearchParams(fragment)
  const aud = audience.safeParse(given.get('aud'))
  const reason = line(256).safeParse(given.get('reason'))
  const ttl = given.get('ttl') ?? ''
  return { scope: (given.get('scope') ?? '').slice(0, 4_096), ...(aud.success ? { aud: aud.data } : {}), ttl: /^[1-9][0-9]{0,5}$/.test(ttl) ? ttl : '', reason: reason.success ? reason.data : '', isGiven: given.has('scope') }
}
