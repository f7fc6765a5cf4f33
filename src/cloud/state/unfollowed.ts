import type { Clock } from '../../base/clock.ts'
import type { CloudState } from './cloud-state.ts'
import type { Collection } from './collection.ts'

/**
 * Since when something was changed that is not carried out yet; milliseconds since the epoch, `undefined` when all is.
 */
export type ChangedSince = (collection: Pick<Collection<object>, 'name'>, id: string) => number | undefined

/** Knows which documents have changed and are not carried out yet. An attempt that fails counts as well: it is told elsewhere. */
export class Unfollowed implements Disposable {
  readonly #changed = new Map<string, { readonly since: number }>()
  readonly #stop: () => void

  /** @param collections Those whose documents it looks at. */
  constructor(state: CloudState, clock: Clock, collections: readonly Pick<Collection<object>, 'name'>[]) {
    const names = new Set(collections.map(({ name }) => name))
    this.#stop = state.onChange((changes) => {
      for (const { collection, id } of changes) {
        if (!names.has(collection)) continue
        const key = `${collection}/${id}`
        this.#changed.set(key, { since: this.#changed.get(key)?.since ?? clock.now() })
      }
    })
  }

  readonly since: ChangedSince = ({ name }, id) => this.#changed.get(`${name}/${id}`)?.since

  /** Carries out what the state holds at the call. */
  async carryOut(follow: () => Promise<void>): Promise<void> {
    const before = [...this.#changed]
    try {
      await follow()
    } finally {
      for (const [key, change] of before) if (this.#changed.get(key) === change) this.#changed.delete(key)
    }
  }

  [Symbol.dispose](): void {
    this.#stop()
  }
}

/** Changes that follow one another faster than this are carried out together; later ones find the resource busy. */
export const BUSY_AFTER_MS = 2_000

/** Whether something is being configured for so long that it takes no further change. */
export function isBusy(since: number | undefined, now: number): boolean {
  return since !== undefined && now - since > BUSY_AFTER_MS
}
