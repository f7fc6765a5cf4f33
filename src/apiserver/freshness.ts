import type { ApiContext } from './context.ts'
import { futureVersion } from './status-error.ts'

/** So long is waited for a version that is yet to come, as by upstream's watch cache. */
export const FRESHNESS_MS = 3_000

/**
 * Returns when the store has come to a version. Whoever asks may have seen it at another time of this cluster, or may
 * be ahead of what has been read.
 *
 * @throws StatusError 504 `Too large resource version` when it does not come.
 */
export async function waitUntilFresh({ store, clock }: ApiContext, wanted: number): Promise<void> {
  if (store.revision() >= wanted) return
  const ending = new AbortController()
  const cancel = clock.after(FRESHNESS_MS, () => ending.abort())
  try {
    for await (const _ of store.watch('', { after: store.revision(), signal: ending.signal })) {
      if (store.revision() >= wanted) return
    }
  } finally {
    cancel()
    ending.abort()
  }
  throw futureVersion(wanted, store.revision())
}
