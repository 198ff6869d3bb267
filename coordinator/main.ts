import { runProcess } from '@symbolon/runtime/process.ts'
import { coordinatorConfig } from './config.ts'
import { startCoordinator } from './start.ts'

await runProcess({ config: coordinatorConfig, start: startCoordinator })
