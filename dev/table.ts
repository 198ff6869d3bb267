import { apiRow } from './api.ts'
import { keyCeremony } from './ceremony.ts'
import { consoleBuild } from './console.ts'
import { coordinatorRow } from './coordinator.ts'
import type { Deployment } from './deployment.ts'
import type { Preparation, Row } from './row.ts'
import { signerRows } from './signer.ts'
import { vaultRows } from './vault.ts'
import { webRow } from './web.ts'

/* Everything that a development deployment consists of. Postgres comes first by itself; the rest starts together, each after what it needs. */

/** The processes. A row per process: whoever adds a process adds its config builder in a file of its own, and a line here. */
export const rowsOf = (deployment: Deployment): readonly Row[] => [...signerRows(deployment), coordinatorRow(deployment), apiRow(deployment), ...vaultRows(deployment), webRow(deployment)]

/** What must have been done once before they start, in this order. */
export const preparations: readonly Preparation[] = [keyCeremony, consoleBuild]

/** The one whose readiness means that a quorum can mint. */
export const mintingUnit = 'api'
