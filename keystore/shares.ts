import { join } from 'node:path'
import { fail, type KeyError, type Result } from '@symbolon/core/errors.ts'
import { loadGroup, loadMember, type Member } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { bytesOf, sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import { blobBytesLimit } from './blob.ts'
import { keystoreError, type KeystoreError } from './errors.ts'
import { readBounded } from './folder.ts'
import type { Keystore, SealHeader } from './keystore.ts'

/** A group key as roster and ceremony certificate name it. */
export interface ShareGroup {
  readonly purpose: Purpose
  readonly epoch: number
  readonly t: number
  readonly key: Base64url
  readonly shares: readonly { readonly id: number; readonly share: Base64url }[]
}


/** What a share of `group` is sealed under. */
export const shareHeader = (signer: number, group: Pick<ShareGroup, 'purpose' | 'epoch' | 'key'>, plan: Base64url): SealHeader => ({
  kind: 'share',
  signer,
  purpose: group.purpose,
  epoch: group.epoch,
  group: toBase64url(sha256(bytesOf(group.key))),
  plan,
})

/** Where a signer's sealed shares lie within its keystore folder. */
export const shareFile = (folder: string, { purpose, epoch }: Pick<ShareGroup, 'purpose' | 'epoch'>): string => join(folder, 'shares', `${purpose}-${epoch}.sealed`)

/**
 * Unseals a share and compares s·B with the verifying share that `group` names. Only what passes is a member; the caller wipes its share.
 * A blob that opens but holds another share (an aborted ceremony's, somebody's own) ends in `share_mismatch`.
 */
export async function openShare(options: { keystore: Keystore; suite: Suite; group: ShareGroup; plan: Base64url; blob: Uint8Array }): Promise<Result<Member, KeystoreError | KeyError>> {
  const { keystore, suite, group, plan, blob } = options
  const keys = loadGroup(suite, { threshold: group.t, key: bytesOf(group.key), shares: group.shares.map(({ id, share }) => ({ id, share: bytesOf(share) })) })
  if (!keys.ok) return keys
  const share = await keystore.unseal(shareHeader(keystore.signer, group, plan), blob)
  if (!share.ok) return share
  const member = loadMember(suite, keys.value, keystore.signer, share.value)
  if (!member.ok) share.value.wipe()
  return member
}

/** `openShare` for the file of an activated epoch. */
export async function loadShare(options: { keystore: Keystore; suite: Suite; folder: string; group: ShareGroup; plan: Base64url }): Promise<Result<Member, KeystoreError | KeyError>> {
  const blob = readBounded(shareFile(options.folder, options.group), blobBytesLimit)
  if (blob === undefined) return fail(keystoreError('share_missing', `${options.group.purpose}-${options.group.epoch}.sealed`))
  return openShare({ ...options, blob })
}
