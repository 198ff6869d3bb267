import { keystoreContract } from '@symbolon/keystore/contract.ts'
import { readManifest } from '@symbolon/keystore/manifest.ts'
import { createPkcs11Keystore, openPkcs11Keystore } from '@symbolon/keystore/pkcs11.ts'
import { softToken } from './softhsm.ts'

keystoreContract('in SoftHSM', {
  create: (place) => createPkcs11Keystore(softToken(place)),
  open: (place) => openPkcs11Keystore(softToken(place)),
  sealingKey: ({ folder, signer }) => {
    const found = readManifest(folder, { backend: 'pkcs11', signer })
    if (!found.ok) throw new Error(found.error.code)
    return found.value.sealing
  },
})
