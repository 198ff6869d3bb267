import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOf, wasmBytesLimit, type Bundle } from '@symbolon/policy/bundle.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'

/** The policy that the roster names. @throws SafeError if the folder holds another, or none */
export function loadBundle(folder: string, roster: Roster): Bundle {
  const opened = bundleOf(roster, { wasm: read(join(folder, 'policy.wasm')), data: read(join(folder, 'data.json')) })
  if (opened.ok) return opened.bundle
  throw new SafeError(opened.reason === 'digest_differs' ? 'policy_behind' : 'policy_unreadable', `${folder} does not hold the policy that the roster names: ${opened.problems.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ')}`)
}

function read(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    if (bytes.length <= wasmBytesLimit) return bytes
  } catch (error) {
    throw new SafeError('file_unreadable', `${path} cannot be read (${systemCode(error)})`)
  }
  throw new SafeError('file_unreadable', `${path} is larger than ${wasmBytesLimit} bytes`)
}
