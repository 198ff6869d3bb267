import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { current, guide, settings } from './operators-guide.ts'

test('the operator guide lists the settings that the processes have', () => expect(readFileSync(guide, 'utf8')).toBe(current()))

test('every setting says what it means', () => expect(settings().split('\n').filter((line) => line.startsWith('| `') && line.endsWith('|  |'))).toEqual([]))
