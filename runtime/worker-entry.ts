import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { systemCode } from './secret-file.ts'
import type { FromWorker, Pooled, ToWorker } from './worker-protocol.ts'

/* What every worker thread of a pool runs: imports the module that it is told, opens it, answers. */

const port = parentPort
if (port === null) throw new TypeError('this file runs only as a worker of a pool')
const { module, init } = z.object({ module: z.string(), init: z.unknown() }).parse(workerData)
const imported = await import(module)
const pooled: Pooled<unknown, unknown> = await imported.open(init)
const say = (message: FromWorker) => port.postMessage(message)

const work = async (message: ToWorker): Promise<unknown> => {
  if (message.kind === 'call') return pooled.handle(message.batch)
  if (pooled.update === undefined) throw new TypeError('this module takes no updates')
  return pooled.update(message.message)
}

port.on('message', (message: ToWorker) => {
  work(message).then(
    (result) => say({ kind: 'done', id: message.id, result }),
    (error: unknown) => say({ kind: 'failed', id: message.id, error: systemCode(error) }),
  )
})
say({ kind: 'ready' })
