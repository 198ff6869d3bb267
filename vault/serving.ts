import type { FrontRoute } from '@symbolon/front/route.ts'
import { servingOf as commonOf, type Serving as Common } from '@symbolon/front/serving.ts'
import type { Limiter } from '@symbolon/front/limiter.ts'
import { facadeOf, type Facade, type FacadeParts } from './facade.ts'
import { vaultingOf, type Vaulting, type VaultingParts } from './vaulting.ts'

/** What the vault builds from one roster version besides what every process does. */
export interface Serving extends Common {
  readonly vaulting: Vaulting
  readonly facade: Facade
}
export type VaultRoute = FrontRoute<Serving>

export type ServingParts = VaultingParts & { readonly addresses: Limiter; readonly heavy: Limiter; readonly publicUrl: string; readonly facade: FacadeParts }

export function servingOf({ addresses, heavy, publicUrl, facade, ...parts }: ServingParts): Serving {
  return { ...commonOf({ deployment: parts.deployment, own: [publicUrl], addresses, heavy }), vaulting: vaultingOf(parts), facade: facadeOf(parts.deployment, facade) }
}
