import * as library from '@open-policy-agent/opa-wasm'
import { z } from 'zod'
import { decision, type Decision } from '@symbolon/protocol/reason.ts'
import type { Bundle } from './bundle.ts'
import type { PolicyInput } from './input.ts'

// Its ES module names only the asynchronous half of what it exports, which its types do not say.
const { loadPolicySync } = (library as unknown as { readonly default: typeof library }).default

/** The question that is asked of a bundle about every request. */
export const entrypoint = 'symbolon/decision'
/** The other: which rows of a listing may be shown. A bundle without an answer shows none. */
export const rowsEntrypoint = 'symbolon/listable'

/** 64 KiB each: what one evaluation may use, input and data included. A policy that needs more is stopped, and denies. */
const memoryPages = { initial: 8, maximum: 256 }

/** What the compiled program may import. Nothing in it reaches a clock, a random source, a file or the network. */
const imports = new Set(['opa_builtin0', 'opa_builtin1', 'opa_builtin2', 'opa_builtin3', 'opa_builtin4', 'opa_abort', 'memory'])

/** What the ABI of OPA's programs (1.2 and later) offers; without all of it opa-wasm would fail half-way. */
const abi = ['opa_eval', 'opa_malloc', 'opa_json_parse', 'opa_json_dump', 'opa_heap_ptr_get', 'opa_heap_ptr_set', 'builtins', 'entrypoints', 'opa_wasm_abi_version', 'opa_wasm_abi_minor_version']

/** The bundle is not one that can be evaluated here. */
export class PolicyUnusable extends Error {
  override readonly name = 'PolicyUnusable'
}

export interface Evaluator {
  /** Always a decision: what the policy does not answer with exactly one well-formed decision is a denial. */
  decide(input: PolicyInput): Decision
  /** Places of those of the input's paths that may be shown; what the policy does not answer with a list of places is none. */
  rows(input: PolicyInput): ReadonlySet<number>
}

/** Throws PolicyUnusable. */
export function openEvaluator({ wasm, data }: Pick<Bundle, 'wasm' | 'data'>): Evaluator {
  const program = compile(wasm)
  let policy: library.LoadedPolicy | undefined = instantiate(program, data)
  const ask = <T>(input: PolicyInput, question: string, read: (results: unknown) => T, failed: (error: unknown) => T): T => {
    try {
      policy ??= instantiate(program, data)
      return read(Object.hasOwn(policy.entrypoints as object, question) ? (policy.evaluate(input, question) as unknown) : [])
    } catch (error) {
      // A program that was stopped half-way leaves its memory in an unknown state: no later question may see it.
      policy = undefined
      return failed(error)
    }
  }
  return {
    decide: (input) => ask(input, entrypoint, read, (error) => denial('The policy could not be evaluated.', fact(error))),
    rows: (input) => ask(input, rowsEntrypoint, places, () => new Set<number>()),
  }
}

const listOfPlaces = z.tuple([z.strictObject({ result: z.array(z.int().min(0)) })])
const places = (results: unknown): ReadonlySet<number> => new Set(listOfPlaces.safeParse(results).data?.[0].result)

function compile(wasm: Uint8Array): WebAssembly.Module {
  try {
    const program = new WebAssembly.Module(new Uint8Array(wasm))
    const foreign = WebAssembly.Module.imports(program).filter((wanted) => wanted.module !== 'env' || !imports.has(wanted.name))
    if (foreign.length > 0) throw new PolicyUnusable(`the program imports ${foreign.map((wanted) => wanted.name).join(', ')}`)
    const offered = new Set(WebAssembly.Module.exports(program).map(({ name }) => name))
    const lacking = abi.filter((name) => !offered.has(name))
    if (lacking.length > 0) throw new PolicyUnusable(`the program is not a policy: it lacks ${lacking.join(', ')}`)
    return program
  } catch (error) {
    throw error instanceof PolicyUnusable ? error : new PolicyUnusable('the program does not compile', { cause: error })
  }
}

function instantiate(program: WebAssembly.Module, data: Bundle['data']): library.LoadedPolicy {
  const policy = loadPolicySync(program, { ...memoryPages })
  const needed = hostBuiltins(policy)
  // opa-wasm would lend some of its own (regular expressions, YAML, sprintf); none is needed, so none is lent.
  if (needed.length > 0) throw new PolicyUnusable(`the program asks for built-ins of the host: ${needed.join(', ')}`)
  if (!Object.hasOwn(policy.entrypoints as object, entrypoint)) throw new PolicyUnusable(`the program has no entrypoint ${entrypoint}`)
  policy.setData(data)
  return policy
}

/** Names of the built-ins that the program does not bring along (the WASM ABI's `builtins` export: name → number, as JSON). */
function hostBuiltins(policy: library.LoadedPolicy): string[] {
  const { exports } = policy.wasmInstance as WebAssembly.Instance
  const { builtins, opa_json_dump } = exports as { builtins(): number; opa_json_dump(address: number): number }
  const bytes = Buffer.from(policy.mem.buffer)
  const start = opa_json_dump(builtins())
  return Object.keys(JSON.parse(bytes.toString('utf8', start, bytes.indexOf(0, start))) as object)
}

/** Undefined is an empty list; anything but one strict decision denies (an `allow` that is not a boolean, a field too many). */
function read(results: unknown): Decision {
  if (!Array.isArray(results) || results.length !== 1) return denial('The policy gave no decision.', 'undefined')
  const parsed = decision.safeParse((results[0] as { result?: unknown } | null)?.result)
  return parsed.success ? parsed.data : denial('The policy gave something that is not a decision.', `at /${parsed.error.issues[0]?.path.join('/') ?? ''}`)
}

const denial = (message: string, fact: string): Decision => ({
  allow: false,
  scope: [],
  max_ttl: 0,
  approvals: [],
  touch: false,
  obligations: [],
  reasons: [{ code: 'policy_denied', rule: entrypoint, message, fact, remedy: 'Test the bundle with `symbolon explain --claims`.' }],
})

/** opa-wasm throws strings, objects and engine errors alike. Their text names a place in the Rego; it is cut and kept printable. */
function fact(error: unknown): string {
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : 'unknown'
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
