import { unfit } from '@symbolon/core/unfit.ts'
import { runProcess } from '@symbolon/runtime/process.ts'
import { signerConfig } from './config.ts'
import { startSigner } from './start.ts'

await runProcess({ config: signerConfig, refusals: unfit, start: (context) => startSigner(context) })
