import { runProcess } from '@symbolon/runtime/process.ts'
import { signerConfig } from './config.ts'
import { startSigner } from './start.ts'

await runProcess({ config: signerConfig, start: (context) => startSigner(context) })
