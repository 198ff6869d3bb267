import { ArenaError } from './arena.ts'
import { SelfTestError } from './selftest.ts'
import { NativeBuildError } from './sodium.ts'

/** Why a machine must not hold a share: thrown while a process starts. */
export const unfit = [ArenaError, NativeBuildError, SelfTestError] as const
