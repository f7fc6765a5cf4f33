// Child of the tests of power loss: writes pairs of keys, and prints each number once it is acknowledged.
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openLmdbStore } from '../../src/store/lmdb-store.ts'
import { KEPT, pairKeys } from './pairs.ts'

const [directory = '', last = '', writers = '1'] = process.argv.slice(2)
await using store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
let next = store.revision()

async function writePairs(): Promise<void> {
  while (next <= Number(last)) {
    const number = next++
    const value = Buffer.from(`${number}`.padEnd(700, '.'))
    const puts = pairKeys(number).map((key) => ({ type: 'put', key, value }) as const)
    const deletions = pairKeys(number - KEPT).map((key) => ({ type: 'delete', key }) as const)
    await store.transact([], [...puts, ...deletions])
    writeSync(1, `${number}\n`)
    if (number % 40 === 0) await store.compact(Math.max(1, store.revision() - 20))
  }
}

await Promise.all(Array.from({ length: Number(writers) }, writePairs))
