import { config } from 'zod'

// Schemas must not probe for `eval`, which the page's policy forbids and would report. They are made while modules load, so those load afterwards.
config({ jitless: true })
await import('./start.tsx')
