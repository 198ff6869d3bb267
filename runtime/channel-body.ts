import type { Readable } from 'node:stream'

export type Body = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly reason: 'too_large' | 'timeout' | 'malformed' | 'incomplete' }
export type BodyLimits = { readonly maxBytes: number; readonly timeoutMs: number; readonly declared: string | undefined }

/**
 * Collects a body up to a limit, within a time. A declared length that is over the limit or no plain number is refused before
 * anything is read; what really arrives is counted whatever was declared.
 */
export async function readBody(stream: Readable, { maxBytes, timeoutMs, declared }: BodyLimits): Promise<Body> {
  if (declared !== undefined && !/^(0|[1-9][0-9]{0,14})$/.test(declared)) return { ok: false, reason: 'malformed' }
  if (declared !== undefined && Number(declared) > maxBytes) return { ok: false, reason: 'too_large' }
  const { promise, resolve } = Promise.withResolvers<Body>()
  const chunks: Buffer[] = []
  let size = 0
  const take = (chunk: Buffer) => {
    size += chunk.length
    if (size > maxBytes) return resolve({ ok: false, reason: 'too_large' })
    chunks.push(chunk)
  }
  const finish = () => resolve({ ok: true, bytes: Buffer.concat(chunks, size) })
  const cut = () => resolve({ ok: false, reason: 'incomplete' })
  const timer = setTimeout(() => resolve({ ok: false, reason: 'timeout' }), timeoutMs)
  stream.on('data', take).once('end', finish).once('close', cut).once('error', cut).once('aborted', cut)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    stream.off('data', take).off('end', finish).off('close', cut).off('error', cut).off('aborted', cut)
  }
}
