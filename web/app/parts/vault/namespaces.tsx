import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { folderLink } from '../../vault/place.ts'
import type { Vault } from '../../vault/vault.ts'
import { Shown } from '../shown.tsx'
import { CreateSecret } from './create.tsx'
import { Mode } from './mode.tsx'

/** The namespaces that the roster has, as the signers vouch for it. */
export function Namespaces({ vault }: { readonly vault: Vault }): ReactNode {
  return (
    <Stack>
      <Title order={1}>Secrets</Title>
      <Text>A secret is closed before it leaves whoever writes it. To read one, enough signers must each agree; what they give comes together in this page and nowhere else.</Text>
      {vault.namespaces.length === 0 ? <Text>The roster has no namespace yet.</Text> : null}
      <ul className="rows" aria-label="Namespaces">
        {vault.namespaces.map(({ id, name, combine }) => (
          <li key={id} className="panel">
            <Stack gap="xs">
              <Group gap="sm">
                <Title order={2} size="h4"><a href={folderLink(id)}><Shown text={`${id}/`} /></a></Title>
                <Badge variant="outline" tt="none" color={combine === 'vault' ? 'yellow' : 'green'}>{combine === 'vault' ? 'the vault can open it' : 'readers alone open it'}</Badge>
              </Group>
              <Text><Shown text={name} /></Text>
              <Mode combine={combine} />
            </Stack>
          </li>
        ))}
      </ul>
      <CreateSecret vault={vault} within="" />
    </Stack>
  )
}
