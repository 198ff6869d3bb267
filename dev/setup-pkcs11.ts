import { preparePkcs11 } from './softhsm.ts'

/* `node dev/setup-pkcs11.ts`: makes this checkout able to use PKCS#11 devices. `make up KEYSTORE=pkcs11` does it by itself. */

const prepared = preparePkcs11()
if (!prepared.ok) {
  process.stderr.write(`${prepared.message}\n`)
  process.exit(1)
}
