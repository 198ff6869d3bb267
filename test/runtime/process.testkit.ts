import { z } from 'zod'
import { SafeError } from '@symbolon/runtime/log.ts'
import { processFields, runProcess } from '@symbolon/runtime/process.ts'

/* The smallest process there can be, for the tests of what all have in common: it does what its config says. */

const schema = z.strictObject({ ...processFields, act: z.enum(['run', 'refuse', 'refuse_deep', 'throw', 'reject_later', 'hang', 'ignore_stop']) })

await runProcess({
  config: schema,
  commands: ['run', 'once'],
  start: async ({ config, command, log }) => {
    if (command === 'once') return { state: 'done' }
    if (config.act === 'refuse') return { state: 'refused', code: 'roster_lost', message: 'the roster is gone' }
    if (config.act === 'refuse_deep') throw new SafeError('cannot_listen', 'the port is taken')
    if (config.act === 'throw') throw new Error('canary')
    if (config.act === 'reject_later') setTimeout(() => void Promise.reject(new Error('canary')), 20)
    const alive = setInterval(() => undefined, 1_000)
    if (config.act === 'hang') {
      log.info('started')
      await new Promise(() => undefined)
    }
    // Once the caller has taken over.
    setTimeout(() => log.info('started'), 1)
    return {
      state: 'running',
      stop: async () => {
        if (config.act === 'ignore_stop') await new Promise(() => undefined)
        clearInterval(alive)
      },
    }
  },
})
