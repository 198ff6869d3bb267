/**
 * Why a keystore does not answer. Codes are stable; nothing here quotes a secret.
 *
 * - `setup`: the keystore is not what the configuration says; somebody must act, and trying again changes nothing.
 * - `blob`: the sealed bytes are not the ones asked for. Somebody changed, swapped or rolled back a file.
 * - `device`: the device or its module fails now; trying again may help, except where the code says otherwise.
 */
const faces = {
  keystore_missing: { family: 'setup', remedy: 'Make the keys with `keygen init`.' },
  keystore_exists: { family: 'setup', remedy: 'Keys are made once; remove the folder by hand if they must be made anew.' },
  keystore_malformed: { family: 'setup', remedy: 'Restore the keystore folder from a backup.' },
  keystore_other_backend: { family: 'setup', remedy: 'Start with the keystore that the keys were made in.' },
  keystore_other_signer: { family: 'setup', remedy: 'Compare the signer id in the configuration with the keystore folder.' },
  passphrase_wrong: { family: 'setup', remedy: 'Compare the passphrase file with the one that the keys were made with.' },
  pin_wrong: { family: 'setup', remedy: 'Correct the PIN file (or touch it, if the device’s PIN was changed to it), then start again: a PIN that was refused is never tried again by itself.' },
  pin_locked: { family: 'setup', remedy: 'Unlock the token with its security officer PIN.' },
  module_missing: { family: 'setup', remedy: 'Install the PKCS#11 module, run `node dev/setup-pkcs11.ts`, and compare the configured path.' },
  token_missing: { family: 'setup', remedy: 'Insert the device; compare the token label in the configuration.' },
  token_ambiguous: { family: 'setup', remedy: 'Two tokens have this label; give them different ones.' },
  key_missing: { family: 'setup', remedy: 'The device does not hold this signer’s key. Without it the share cannot be opened.' },
  key_other: { family: 'setup', remedy: 'The device holds another key than the one this signer was set up with.' },
  key_exportable: { family: 'setup', remedy: 'The device holds a key of this name that can be read out or used otherwise. Remove it and make the keys anew.' },
  mechanism_missing: { family: 'setup', remedy: 'The device must support ECDH1-derive and ECDSA on P-256.' },
  share_missing: { family: 'blob', remedy: 'The sealed share is not on disk; restore it from a backup, or leave this signer out.' },
  blob_malformed: { family: 'blob', remedy: 'The sealed file is damaged; restore it from a backup.' },
  blob_other_key: { family: 'blob', remedy: 'The file was sealed to another device key.' },
  blob_other_header: { family: 'blob', remedy: 'The file was sealed for another purpose, group, epoch, signer or plan.' },
  blob_forged: { family: 'blob', remedy: 'The sealed file was altered.' },
  secret_too_long: { family: 'blob', remedy: 'At most 64 bytes can be sealed.' },
  receive_key_other: { family: 'blob', remedy: 'The receive key on disk is not the one that was made here.' },
  point_refused: { family: 'blob', remedy: 'The point is not on the curve.' },
  device_busy: { family: 'device', remedy: 'The device has no session left; try again.' },
  device_slow: { family: 'device', remedy: 'The device did not answer in time.' },
  device_removed: { family: 'device', remedy: 'Insert the device and start again.' },
  device_failed: { family: 'device', remedy: 'The device refused the operation; look at its own log.' },
  module_crashed: { family: 'device', remedy: 'The process that holds the PKCS#11 module died.' },
  closed: { family: 'device', remedy: 'The keystore was closed.' },
} as const

export type KeystoreCode = keyof typeof faces
export const keystoreCodes = Object.keys(faces) as [KeystoreCode, ...KeystoreCode[]]
export interface KeystoreError {
  readonly code: KeystoreCode
  /** Where, or the device's own return code: `keys.json`, `CKR_PIN_INCORRECT`. Never input. */
  readonly detail: string
}

export const keystoreError = (code: KeystoreCode, detail: string): KeystoreError => ({ code, detail })

/** One sentence for an operator. */
export const describeKeystoreError = ({ code, detail }: KeystoreError): string => `${code} (${detail}). ${faces[code].remedy}`

/** True if the same call may be tried again as it is. Never for a PIN: a device counts wrong ones and locks itself. */
export const mayRetry = ({ code }: KeystoreError): boolean => faces[code].family === 'device' && code !== 'closed'
