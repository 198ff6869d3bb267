import type { OpenSecrets } from './secrets.ts'
import { LocalFailure } from './failure.ts'

export const openSecrets: OpenSecrets = async () => {
  throw new LocalFailure('not yet', 'not yet', 'not yet')
}
