import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { definitions, type SettingName, type Settings } from './settings.ts'
import type { View } from './view.ts'

/** Every setting with its value, and with `origin` where it came from. There is no secret among them, only paths to some. */
export function configShow(settings: Settings, { origin }: { readonly origin: boolean }): Outcome<View> {
  const rows = (Object.keys(definitions) as SettingName[]).map((name) => ({ name, found: settings[name] }))
  const data = Object.fromEntries(rows.flatMap(({ name, found }) => (found === undefined ? [] : [[name, origin ? { value: found.value, origin: found.origin } : found.value]])))
  return ok({
    data,
    tables: [{ head: ['SETTING', 'VALUE', ...(origin ? ['ORIGIN'] : []), 'MEANING'], rows: rows.map(({ name, found }) => [name, found?.value ?? '–', ...(origin ? [found?.origin ?? ''] : []), definitions[name].help]) }],
  })
}
