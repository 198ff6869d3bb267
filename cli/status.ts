import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { printable } from '@symbolon/sdk/scrub.ts'
import { clientOf } from './connect.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

/** Who runs, and whether a token could be minted now. */
export async function status(settings: Settings, io: Io): Promise<Outcome<View>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const found = await slowly(io, 'asking the api', opened.value.status())
    if (!found.ok) return found
    const { issuer, jwks_uri, threshold, ready, problems, signers, lineage, roster, policy, roster_in_force, pending, console_url, vault_addr } = found.value
    for (const problem of problems) io.err.write(`warning: ${printable(problem)}\n`)
    return ok({
      data: found.value,
      raw: ready ? 'ready' : 'not ready',
      tables: [
        { rows: [['issuer', issuer], ['keys', jwks_uri], ['ready', ready ? 'yes' : 'no'], ['threshold', `${threshold} of ${signers.length}`], ['roster', [`version ${roster}`, ...(roster_in_force === undefined || roster_in_force === roster ? [] : [`${roster_in_force} in force`]), ...(pending === 0 ? [] : [pending === 1 ? '1 change pending' : `${pending} changes pending`])].join(', ')], ['policy', policy], ['lineage', lineage], ...(console_url === undefined ? [] : [['console', console_url]]), ...(vault_addr === undefined ? [] : [['vault', vault_addr]])] },
        { head: ['SIGNER', 'NAME', 'STATE', 'EPOCH', 'ROSTER', 'COMMITMENTS'], rows: signers.map(({ id, name, healthy, problem, epoch, roster: version, commitments }) => [`${id}`, name, healthy ? 'healthy' : `down: ${problem ?? 'unknown'}`, `${epoch}`, `${version}`, `${commitments}`]) },
      ],
    })
  } finally {
    await opened.value.close()
  }
}
