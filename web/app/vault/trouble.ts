import { blameOfOpen, type KeysError, type OpenError, type SealError } from '@symbolon/envelope/errors.ts'
import { trouble, type Trouble } from '../trouble.ts'

/* What is said when something about a secret does not hold. Codes are the envelope's own; nothing here was ever inside one. */

const tell = 'Do not use what the vault shows; tell whoever runs this deployment.'
const again = 'Try again; if it lasts, tell whoever runs this deployment.'

export const notTrusted = {
  record_unsigned: trouble('record_unsigned', 'The vault shows a record that the signers did not sign', tell),
  record_foreign: trouble('record_foreign', 'The vault shows the record of another secret', tell),
  record_rolled_back: trouble('record_rolled_back', 'The vault shows an older record than this browser has seen', `It may have been restored from a backup, or it lies. ${tell}`),
  record_forked: trouble('record_forked', 'There are two different records under one sequence number', `The signers promise one for each. ${tell}`),
  record_withheld: trouble('record_withheld', 'The vault shows no record of a secret that this browser has seen', 'Either you may not list it any more, or the vault withholds it.'),
  record_differs: trouble('record_differs', 'The record that came back is not what was asked for', `Read the secret again to see what holds. ${tell}`),
  receipts_differ: trouble('receipts_differ', 'The vault answered about another record', again),
  history_broken: trouble('history_broken', 'The records that the vault shows do not follow from each other', tell),
  rows_differ: trouble('rows_differ', 'The vault shows something that lies elsewhere', tell),
} as const

export const absent = trouble('vault_absent', 'This deployment has no vault', 'A guardian adds one by a roster change; the console’s own settings name where it is.')
export const unreachable = trouble('vault_unreachable', 'The vault does not answer', 'Try again; see whether it runs.')

export const keysTrouble = (error: KeysError): Trouble =>
  error.code === 'keys_missing' ? trouble(error.code, `The deployment has no ${error.purpose} key`, 'A guardian starts the ceremony that makes it.') : trouble(error.code, 'The keyset’s keys for secrets do not fit together', `${error.why}. ${tell}`)

export const sealTrouble = (error: SealError): Trouble =>
  error.code === 'value_too_large'
    ? trouble(error.code, 'The value is too large', `It has ${error.bytes} bytes; ${error.limit} fit.`)
    : trouble(error.code, 'The value is not one of its kind', error.field === undefined ? 'Look at the fields.' : `Look at the field ${error.field}.`)

const titles: Readonly<Record<OpenError['code'], string>> = {
  record_unsigned: notTrusted.record_unsigned.title,
  record_foreign: notTrusted.record_foreign.title,
  version_unreadable: 'By its record this version cannot be read',
  ciphertext_differs: 'The vault gave another ciphertext than the record names',
  label_differs: 'The ciphertext is bound to another secret, version or kind',
  body_differs: 'The vault gave another body than the ciphertext names',
  group_unknown: 'The ciphertext is closed to a key that the keyset does not hold',
  ciphertext_unproven: 'The ciphertext’s proof does not hold for this secret',
  answer_differs: 'The vault answered about something else than was asked',
  partials_missing: 'Fewer signers’ answers than needed can be opened here',
  partials_invalid: 'Signers gave false parts',
  data_key_differs: 'What the signers opened is not the key that the ciphertext names',
  body_unauthentic: 'The body was not closed with its own key',
  value_malformed: 'What was inside is no value of its kind',
}

const whose = { vault: 'The vault is at fault.', vault_or_coordinator: 'The vault or the coordinator is at fault.', signers: 'Signers are at fault', writer: 'Whoever wrote this version is at fault.' } as const

/** Nothing is shown: who is to blame as far as the failure itself proves it. */
export function openTrouble(error: OpenError): Trouble {
  const { who, culprits } = blameOfOpen(error)
  return trouble(error.code, titles[error.code], `${who === 'signers' ? `${whose.signers}: ${culprits.join(', ')}.` : whose[who]} ${again}`)
}
