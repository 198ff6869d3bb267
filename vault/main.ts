import { runProcess } from '@symbolon/runtime/process.ts'
import { config } from './config.ts'
import { start } from './start.ts'

await runProcess({ config, start })
