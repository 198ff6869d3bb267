import type { Command } from 'commander'
import type { Outcome } from '@symbolon/sdk/errors.ts'
import type { Flags } from './flags.ts'
import type { Settings } from './settings.ts'
import type { View } from './view.ts'

/** A view, with the exit code if it is not 0. */
export type Ran = Outcome<View> | { readonly ok: true; readonly value: View; readonly exit: number }
export type Action = (flags: Flags, settings: Settings, args: readonly string[]) => Promise<Ran>
/** How `program.ts` lets the other files add their commands: settings, example, view and exit code are the same for all. */
export type Add = (parent: Command, name: string, summary: string, example: string, action: Action) => Command
