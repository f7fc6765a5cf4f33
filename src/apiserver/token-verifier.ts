import { pods, serviceAccounts } from '../kube/resource.ts'
import type { Store } from '../store/store.ts'
import type { VerifyToken } from './authentication.ts'
import { decodedObject } from './decoded.ts'
import { objectKey } from './object-key.ts'
import type { TokenSigner } from './pki/service-account-token.ts'

/** Accepts tokens that the signer issued, as long as the account and the pod they are bound to are the same still. */
export function tokenVerifier(signer: TokenSigner, store: Pick<Store, 'get'>): VerifyToken {
  return async (token, wanted) => {
    const verdict = signer.verifyToken(token, wanted)
    if (verdict.kind === 'refused') return undefined
    const { namespace, serviceAccount, pod } = verdict
    const isThere = (key: string, uid: string) => {
      const entry = store.get(key)
      return entry !== undefined && decodedObject(entry).metadata.uid === uid
    }
    if (!isThere(objectKey(serviceAccounts, namespace, serviceAccount.name), serviceAccount.uid)) return undefined
    if (pod !== undefined && !isThere(objectKey(pods, namespace, pod.name), pod.uid)) return undefined
    const { username: name, uid, groups, extra, audiences } = verdict
    return { name, uid, groups, extra, audiences }
  }
}
