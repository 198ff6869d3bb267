import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseJws } from '@symbolon/protocol/jws.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { idTokenIn } from './ci-github.ts'
import { failed, type Outcome } from './errors.ts'
import { openTransport } from './transport.ts'

/* Kubernetes: the pod's own service account asks the API server for a token with another audience (TokenRequest). The account needs
   `create` on its own `serviceaccounts/token`. */

export interface KubernetesOptions {
  /** `KUBERNETES_SERVICE_HOST` and `_PORT`. */
  readonly host: string
  readonly port: string
  /** Where the projected token, `ca.crt` and `namespace` lie. */
  readonly folder: string
  readonly timeoutMs?: number
}

export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

const claims = z.object({ 'kubernetes.io': z.object({ namespace: z.string().max(253), serviceaccount: z.object({ name: z.string().max(253) }), pod: z.object({ name: z.string().max(253), uid: z.string().max(64) }).optional() }) })
const reply = z.object({ status: z.object({ token: z.string().min(1).max(16_384) }) })
/** Seconds; the least that Kubernetes gives. */
const lifetime = 600

export async function kubernetesIdToken({ host, port, folder, timeoutMs = 10_000 }: KubernetesOptions, audience: string): Promise<Outcome<string>> {
  const files = read(folder)
  const own = files === undefined ? undefined : checkShape(claims, parseJws(files.token)?.payload)
  if (files === undefined || own?.ok !== true) return failed('credential_unusable', { detail: `no usable service account token in ${folder}` })
  const { namespace, serviceaccount, pod } = own.value['kubernetes.io']
  const transport = openTransport({ addr: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, ca: files.ca, timeoutMs })
  if (!transport.ok) return transport
  // Bound to the pod, so that the token carries its uid and ends with it.
  const bound = pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.name, uid: pod.uid } }
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: lifetime, ...bound } })
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceaccount.name)}/token`
  try {
    const answer = await transport.value.send({ method: 'POST', path, headers: { authorization: `Bearer ${files.token}`, 'content-type': 'application/json' }, body })
    return answer.ok ? idTokenIn(answer.value, reply, ({ status }) => status.token) : answer
  } finally {
    await transport.value.close()
  }
}

function read(folder: string): { readonly token: string; readonly ca: string } | undefined {
  try {
    return { token: readFileSync(join(folder, 'token'), 'utf8').trim(), ca: readFileSync(join(folder, 'ca.crt'), 'utf8') }
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
