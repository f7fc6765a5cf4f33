import { silentLog } from '../../src/base/log.ts'
import type { Client } from '../../src/kube/client.ts'
import { Informer } from '../../src/kube/informer.ts'
import type { Resource } from '../../src/kube/resource.ts'
import type { KubeObject } from '../../src/kube/types/meta.ts'

const LIMIT_MS = 60_000

/** Resolves with what `look` finds among the objects of a kind in namespace `default`, as soon as it finds something. */
export async function seen<T extends KubeObject, R>(
  client: Client,
  resource: Resource<T>,
  look: (objects: readonly T[]) => R | undefined,
): Promise<R> {
  const scope = resource.namespaced ? { namespace: 'default' } : {}
  const informer = new Informer<T>({ client, resource, log: silentLog, ...scope })
  const stop = new AbortController()
  informer.synced.catch(() => {})
  const running = informer.run(stop.signal)
  try {
    return await new Promise((resolve, reject) => {
      const limit = AbortSignal.timeout(LIMIT_MS)
      limit.addEventListener('abort', () =>
        reject(new Error(`Not in ${LIMIT_MS / 1000} s; the ${resource.plural}: ${JSON.stringify(informer.list())}`)),
      )
      const check = () => {
        // A list is handed out object by object: before it is complete, what is missing means nothing.
        if (!informer.isSynced) return
        const found = look(informer.list())
        if (found !== undefined) resolve(found)
      }
      informer.on({ added: check, updated: check, deleted: check })
      informer.synced.then(check, reject)
    })
  } finally {
    stop.abort()
    await running
  }
}
