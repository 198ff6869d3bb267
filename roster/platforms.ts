/* What the CI platforms' claims are worth. Names are given away again after a deletion or rename; ids are not. */

/** Claims that hold a name, and the id to bind instead. */
export const idInsteadOf: Readonly<Record<string, string>> = {
  repository: 'repository_id',
  repository_owner: 'repository_owner_id',
  project_path: 'project_id',
  namespace_path: 'namespace_id',
  organization_slug: 'organization_id',
  pipeline_slug: 'pipeline_id',
  'kubernetes.io/serviceaccount/name': 'kubernetes.io/serviceaccount/uid',
  'kubernetes.io/pod/name': 'kubernetes.io/pod/uid',
}

/** `sub` as the platforms make it is put together from names. By its prefix: the id to bind beside it. */
export const subjectForms: readonly { readonly prefix: string; readonly id: string }[] = [
  { prefix: 'repo:', id: 'repository_id' },
  { prefix: 'project_path:', id: 'project_id' },
  { prefix: 'organization:', id: 'pipeline_id' },
  { prefix: 'system:serviceaccount:', id: 'kubernetes.io/serviceaccount/uid' },
]

/** Ids of one run, not of who runs: binding them identifies nobody for long. */
const ofOneRun = new Set(['run_id', 'job_id', 'build_id', 'runner_id', 'agent_id', 'step_id', 'check_run_id', 'jti'])

/** Does this claim hold an id that is never given to another? By name: what ends in id, uid or oid, and OpenID Connect's `sub`. */
export const isIdentifying = (claim: string): boolean => claim === 'sub' || (!ofOneRun.has(claim) && /(?:^|[_/])[uo]?id$/.test(claim))

/** Claims that the platforms send as text although they look like numbers or booleans. */
export const sentAsText = new Set(['repository_id', 'repository_owner_id', 'project_id', 'namespace_id', 'user_id', 'run_id', 'run_attempt', 'actor_id', 'ref_protected', 'environment_protected', 'job_id', 'pipeline_id'])

/** Runs in which an outsider's code may run with the project's identity. A trust takes them only if it names the claim. */
export const outsidersRuns: readonly { readonly claim: string; readonly values: readonly string[] }[] = [
  { claim: 'event_name', values: ['pull_request', 'pull_request_target'] },
  { claim: 'pipeline_source', values: ['merge_request_event', 'external_pull_request_event'] },
]
