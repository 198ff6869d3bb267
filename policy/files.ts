/* The default bundle in the repository, for those who install it. The program is compiled from rego/; a test compiles it again. */

export const defaultProgram = new URL('bundle/policy.wasm', import.meta.url)
/** Used unless `POLICY_FILE` names another. */
export const defaultData = new URL('data.json', import.meta.url)
