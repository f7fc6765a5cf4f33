// Child of lmdb-store.disk-full.test.ts: runs on a small file system of its own. Prints what it found as JSON.
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { isFairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { openLmdbStore } from './lmdb-store.ts'

const [mount = ''] = process.argv.slice(2)
const directory = join(mount, 'store')
const ballast = join(mount, 'ballast')
writeFileSync(ballast, Buffer.alloc(1_000_000))

let store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
const codes: string[] = []
const acknowledged: string[] = []

async function write(key: string): Promise<void> {
  try {
    await store.transact([], [{ type: 'put', key, value: Buffer.alloc(10_000, key) }])
    acknowledged.push(key)
  } catch (error) {
    if (!isFairleadError(error)) throw error
    codes.push(error.code)
  }
}

for (let i = 0; codes.length < 40; i += 4) {
  await Promise.all([0, 1, 2, 3].map((j) => write(`/${i + j}`)))
  // Compaction while there is no room must not do harm either.
  if (codes.length > 20) await store.compact(store.revision()).catch((error) => codes.push(error.code))
}
const whenFull = { revision: store.revision(), entries: store.list('/').entries.length, free: statfsSync(mount).bavail }
rmSync(ballast)
for (let i = 0; i < 20; i++) await write(`/later/${i}`)
await store.compact(store.revision())
const later = store.list('/later/').entries.length
await store[Symbol.asyncDispose]()

store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
const lost = acknowledged.filter((key) => !Buffer.alloc(10_000, key).equals(store.get(key)?.value ?? Buffer.alloc(0)))
const extra = store.list('/').entries.length - acknowledged.length
const revision = store.revision()
await store[Symbol.asyncDispose]()
const found = { codes: [...new Set(codes)], acknowledged: acknowledged.length, whenFull, later, lost, extra, revision }
process.stdout.write(JSON.stringify(found))
