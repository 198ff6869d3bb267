/* What the CI platforms put into an ID token, and how a job asks for one. Shapes after their own references. */

export const platforms = ['github', 'gitlab', 'buildkite', 'kubernetes'] as const
export type Platform = (typeof platforms)[number]

/** Everything but `iss`, `aud` and the times, which the issuer sets. */
export const defaultClaims: Readonly<Record<Platform, Readonly<Record<string, unknown>>>> = {
  github: {
    sub: 'repo:acme/app:environment:production',
    actor: 'ann',
    actor_id: '1001',
    base_ref: '',
    environment: 'production',
    event_name: 'push',
    head_ref: '',
    job_workflow_ref: 'acme/app/.github/workflows/deploy.yml@refs/heads/main',
    job_workflow_sha: 'b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0',
    ref: 'refs/heads/main',
    ref_protected: 'true',
    ref_type: 'branch',
    repository: 'acme/app',
    repository_id: '4242',
    repository_owner: 'acme',
    repository_owner_id: '42',
    repository_visibility: 'private',
    run_attempt: '1',
    run_id: '90001',
    run_number: '7',
    runner_environment: 'github-hosted',
    sha: 'b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0',
    workflow: 'deploy',
    workflow_ref: 'acme/app/.github/workflows/deploy.yml@refs/heads/main',
  },
  gitlab: {
    sub: 'project_path:acme/app:ref_type:branch:ref:main',
    namespace_id: '72',
    namespace_path: 'acme',
    project_id: '20',
    project_path: 'acme/app',
    user_id: '1',
    user_login: 'ann',
    user_email: 'ann@acme.example',
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'main',
    ref_type: 'branch',
    ref_path: 'refs/heads/main',
    ref_protected: 'true',
    environment: 'production',
    environment_protected: 'true',
    deployment_tier: 'production',
    runner_id: 1,
    runner_environment: 'self-hosted',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    ci_config_ref_uri: 'gitlab.acme.example/acme/app//.gitlab-ci.yml@refs/heads/main',
  },
  buildkite: {
    sub: 'organization:acme:pipeline:deploy:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:deploy',
    organization_slug: 'acme',
    pipeline_slug: 'deploy',
    build_number: 1,
    build_branch: 'main',
    build_commit: '9f3182061f1e2cca4702c368cbc039b7dc9d4485',
    build_source: 'webhook',
    step_key: 'deploy',
    job_id: '0184990a-477b-4fa8-9968-496074483cee',
    agent_id: '0184990a-4782-42b5-afc1-16715b10b8ff',
    runner_environment: 'self-hosted',
  },
  kubernetes: {
    'kubernetes.io': {
      namespace: 'ci',
      node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
      pod: { name: 'deploy-7d9c', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
      serviceaccount: { name: 'deploy', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
    },
    sub: 'system:serviceaccount:ci:deploy',
  },
}

/** Claims that Buildkite adds only when the job asks for them. */
export const optionalClaims: Readonly<Record<string, unknown>> = { organization_id: '0184990a-0000-4a1b-8c2d-1a2b3c4d5e6f', pipeline_id: '0184990a-1111-4a1b-8c2d-1a2b3c4d5e6f' }

/** Seconds: how long a token lives, and how far before its birth it is valid. */
export const times: Readonly<Record<Platform, { readonly lifetime: number; readonly before: number }>> = {
  github: { lifetime: 300, before: 300 },
  gitlab: { lifetime: 3600, before: 5 },
  buildkite: { lifetime: 300, before: 0 },
  kubernetes: { lifetime: 600, before: 0 },
}

/** Kubernetes serves its keys, and its tokens' headers, a little differently from the others. */
export const jwksPath = (platform: Platform): string => (platform === 'kubernetes' ? '/openid/v1/jwks' : '/.well-known/jwks')
export const jwksType = (platform: Platform): string => (platform === 'kubernetes' ? 'application/jwk-set+json' : 'application/json')
export const headerType = (platform: Platform): { typ?: string } => (platform === 'kubernetes' ? {} : { typ: 'JWT' })

/** An issuer's path of `https://host/path`, where each platform hands out tokens to a job. */
export const kubernetesAccount = { namespace: 'ci', name: 'deploy' } as const
