import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { explainedView } from './explained.ts'
import { LocalFailure } from './failure.ts'
import { pathOf } from './secret-path.ts'
import { explainedActions, type Secrets } from './secrets.ts'
import type { View } from './view.ts'

export async function kvExplain(secrets: Secrets, named: string, path: string): Promise<Outcome<View>> {
  const action = explainedActions.find((each) => each === named)
  if (action === undefined) throw new LocalFailure('There is no such action', `${JSON.stringify(named.slice(0, 40))} is none`, `Use ${explainedActions.join(', ')}.`)
  const explained = await secrets.explain(action, pathOf(path))
  return explained.ok ? ok(explainedView(explained.value, { action, path, roster: explained.value.roster, policy: explained.value.policy })) : explained
}
