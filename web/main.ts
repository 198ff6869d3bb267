import { runProcess } from '@symbolon/runtime/process.ts'
import { webConfig } from './config.ts'
import { start } from './start.ts'

await runProcess({ config: webConfig, start })
