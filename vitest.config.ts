import { defineConfig } from 'vitest/config'

const unit = ['{core,protocol,roster,evidence,policy,keystore,envelope,runtime,front,api,vault,coordinator,signer,keygen,web,cli,sdk,dev}/**/*.test.ts', 'test/architecture/**/*.test.ts']

export default defineConfig({
  test: {
    projects: [
      // `make check`: no process of ours is started, so these stay fast.
      { test: { name: 'unit', include: unit, pool: 'threads', testTimeout: 60_000 } },
      // Everything that needs real processes: full stacks, crashes, the hostile suite, foreign verifiers.
      { test: { name: 'system', include: ['test/**/*.test.ts'], exclude: ['test/architecture/**', '**/node_modules/**'], pool: 'forks', testTimeout: 120_000, hookTimeout: 180_000 } },
    ],
  },
})
