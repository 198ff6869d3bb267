import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { askerOf, clientOf } from './connect.ts'
import { grantData, grantRows } from './grant-view.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

/** Asked for only to be judged: no roster lists it, so no answer could be a token. */
const probe = 'symbolon:whoami'

/** Who the deployment takes this machine for. The evidence is judged, nothing is minted. */
export async function whoami(settings: Settings, io: Io): Promise<Outcome<View>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const asker = await askerOf(settings, io, opened.value)
    if (!asker.ok) return asker
    const deployment = await slowly(io, 'fetching the keyset', opened.value.deployment())
    if (!deployment.ok) return deployment
    const { sub, client, credential, source, grant } = asker.value
    const explained = await slowly(io, 'asking the api', opened.value.explain({ sub, client, scope: [probe] }, credential))
    if (!explained.ok) return explained
    const { principal, reasons } = explained.value
    if (principal === undefined) return failed(reasons[0]?.code ?? 'unauthenticated', { status: 403, reasons })
    const { keyset, lineage, pinned } = deployment.value
    return ok({
      data: { principal, source, credential: credential.description, client: client ?? sub, issuer: keyset.issuer, lineage, pinned, ...(grant === undefined ? {} : { grant: grantData(grant, io.now()) }) },
      raw: principal,
      tables: [{ rows: [['you are', principal], ['by', credential.description], ['through', client ?? sub], ['at', keyset.issuer], ['keyset', pinned ? `${lineage} (pinned)` : `${lineage} (not pinned)`], ...(grant === undefined ? [] : grantRows(grant, io.now()))] }],
    })
  } finally {
    await opened.value.close()
  }
}
