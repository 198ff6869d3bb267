import { signerConfig } from '@symbolon/signer/config.ts'
import { startSigner, type AllSteps } from '@symbolon/signer/start.ts'
import { runProcess } from '@symbolon/runtime/process.ts'

/*
 * A signer that dies without warning when it first reaches the step that CRASH_AT names. It is the production signer, given the
 * hooks that `signer/main.ts` never passes.
 */

const die = (): void => {
  process.kill(process.pid, 'SIGKILL')
  // The signal may take a moment to arrive; nothing may happen in it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
const at = process.env['CRASH_AT']
const dieAt = (step: keyof AllSteps) => (at === step ? die : () => {})

await runProcess({
  config: signerConfig,
  start: (context) =>
    startSigner(context, {
      judged: dieAt('judged'),
      journaled: dieAt('journaled'),
      taken: dieAt('taken'),
      signed: dieAt('signed'),
      sealed: dieAt('sealed'),
      receipted: dieAt('receipted'),
      acceptJudged: dieAt('acceptJudged'),
      accepted: dieAt('accepted'),
      certified: dieAt('certified'),
      adoptJudged: dieAt('adoptJudged'),
      adopted: dieAt('adopted'),
      inForce: dieAt('inForce'),
    }),
})
