// Child of lmdb-store.crash.test.ts: writes pairs of keys until it is killed, and prints each number once it is
// acknowledged.
import { writeSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { openLmdbStore } from './lmdb-store.ts'

const [directory = '', writers = '1'] = process.argv.slice(2)
const store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
let next = store.revision()

async function writeForever(): Promise<never> {
  for (;;) {
    const number = next++
    const value = Buffer.from(`${number}`.padEnd(1_000, '.'))
    await store.transact(
      [],
      [
        { type: 'put', key: `/left/${number}`, value },
        { type: 'put', key: `/right/${number}`, value },
        { type: 'delete', key: `/left/${number - 200}` },
        { type: 'delete', key: `/right/${number - 200}` },
      ],
    )
    writeSync(1, `${number}\n`)
    if (number % 50 === 0) await store.compact(Math.max(1, store.revision() - 100))
  }
}

await Promise.all(Array.from({ length: Number(writers) }, writeForever))
