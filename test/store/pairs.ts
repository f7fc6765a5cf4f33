import { systemClock } from '../../src/base/clock.ts'
import { errorMessage } from '../../src/base/error.ts'
import { silentLog } from '../../src/base/log.ts'
import { openLmdbStore } from '../../src/store/lmdb-store.ts'
import type { Store } from '../../src/store/store.ts'

/** The writer deletes the pair that is so much below the one it writes. */
export const KEPT = 60

/** Both are written by one transaction. */
export function pairKeys(number: number): readonly [string, string] {
  return [`/left/${number}`, `/right/${number}`]
}

/** Opens the store in a directory, and says what is missing or half there, and that it takes writes. */
export async function examine(directory: string, acknowledged: Iterable<number>): Promise<string[]> {
  try {
    await using store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
    const problems = [...lost(store, acknowledged), ...halves(store)]
    const { committed } = await store.transact([], [{ type: 'put', key: '/later', value: Buffer.from('x') }])
    return committed ? problems : [...problems, 'the store takes no writes']
  } catch (error) {
    return [`the store does not open: ${errorMessage(error)}`]
  }
}

function lost(store: Store, acknowledged: Iterable<number>): string[] {
  const newest = Math.max(0, ...numbersBelow(store, '/left/'))
  return [...acknowledged].flatMap((number) => {
    if (number <= newest - KEPT) return []
    return pairKeys(number)
      .filter(
        (key) =>
          !Buffer.from(store.get(key)?.value ?? [])
            .toString()
            .startsWith(`${number}.`),
      )
      .map((key) => `${key} was acknowledged and is lost`)
  })
}

function halves(store: Store): string[] {
  const versions = (prefix: string) =>
    store.list(prefix).entries.map(({ key, modRevision }) => `${key.slice(prefix.length)}@${modRevision}`)
  const [lefts, rights] = [versions('/left/'), versions('/right/')]
  return lefts.join() === rights.join() ? [] : [`pairs are torn: ${lefts.join()} against ${rights.join()}`]
}

function numbersBelow(store: Store, prefix: string): number[] {
  return store.list(prefix).entries.map(({ key }) => Number(key.slice(prefix.length)))
}
