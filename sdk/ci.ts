import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { buildkiteIdToken } from './ci-buildkite.ts'
import { githubIdToken } from './ci-github.ts'
import { kubernetesIdToken, serviceAccountFolder } from './ci-kubernetes.ts'
import { idTokenCredential, type Credential } from './credential.ts'
import { retry } from './retry.ts'

export const platforms = ['github', 'buildkite', 'kubernetes'] as const
export type Platform = (typeof platforms)[number]
type Environment = Readonly<Record<string, string | undefined>>

/** The platform that this job runs on, by what it puts into every job's environment. A job inside a pod is the job. */
export function findPlatform(env: Environment): Platform | undefined {
  if (env['ACTIONS_ID_TOKEN_REQUEST_URL'] && env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']) return 'github'
  if (env['BUILDKITE'] === 'true' && env['BUILDKITE_JOB_ID']) return 'buildkite'
  if (env['KUBERNETES_SERVICE_HOST'] && existsSync(join(folderOf(env), 'token'))) return 'kubernetes'
  return undefined
}

/** Fetches the platform's ID token once the intent is known, for the audience that its digest makes; a failure on the way is tried again. */
export function platformCredential(platform: Platform, env: Environment): Credential {
  switch (platform) {
    case 'github':
      return idTokenCredential({ description: 'GitHub Actions', fetch: (audience) => retry(() => githubIdToken({ url: env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '', token: env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '' }, audience)) })
    case 'buildkite':
      return idTokenCredential({ description: 'Buildkite', fetch: (audience) => retry(() => buildkiteIdToken({}, audience)) })
    case 'kubernetes':
      return idTokenCredential({ description: 'Kubernetes', fetch: (audience) => retry(() => kubernetesIdToken({ host: env['KUBERNETES_SERVICE_HOST'] ?? '', port: env['KUBERNETES_SERVICE_PORT'] ?? '443', folder: folderOf(env) }, audience)) })
  }
}

const folderOf = (env: Environment): string => env['SYMBOLON_KUBERNETES_FOLDER'] ?? serviceAccountFolder
