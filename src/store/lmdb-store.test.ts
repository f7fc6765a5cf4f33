import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { type LmdbStoreOptions, openLmdbStore } from './lmdb-store.ts'
import type { Store } from './store.ts'
import { storeConformance } from './store-conformance.ts'
import type { StoreFixture } from './store-property.ts'

async function openFixture(options: Partial<LmdbStoreOptions> = {}): Promise<StoreFixture & { directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-store-'))
  const open = () => openLmdbStore({ directory, log: silentLog, clock: systemClock, ...options })
  let store: Store = await open()
  return {
    directory,
    get store() {
      return store
    },
    async reopen() {
      await store[Symbol.asyncDispose]()
      store = await open()
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}

storeConformance('lmdb', openFixture)

describe('lmdb store', () => {
  it('cuts off a reader that does not keep up, and tells it', async () => {
    await using fixture = await openFixture({ watchQueue: 10 })
    const { store } = fixture
    const slow = store.watch('/', { after: 1 })[Symbol.asyncIterator]()
    const writes = Array.from({ length: 11 }, (_, i) =>
      store.transact([], [{ type: 'put', key: `/${i}`, value: Buffer.from('') }]),
    )
    await Promise.all(writes)
    await assert.rejects(slow.next(), { code: 'STORE_WATCH_OVERFLOW' })
    assert.equal((await slow.next()).done, true)
    // Replaying history is not falling behind.
    const late = store.watch('/', { after: 1 })[Symbol.asyncIterator]()
    assert.equal((await late.next()).value?.length, 11)
  })

  it('bounds history and disk under constant writing', async () => {
    const history = { ageMs: 1e9, changes: 500, bytes: 2 ** 30 }
    await using fixture = await openFixture({ history })
    const value = Buffer.alloc(2_000, 'x')
    const sizes: number[] = []
    for (let round = 0; round < 60; round++) {
      const writes = Array.from({ length: 100 }, (_, i) =>
        fixture.store.transact([], [{ type: 'put', key: `/${i % 10}`, value }]),
      )
      await Promise.all(writes)
      sizes.push(statSync(join(fixture.directory, 'data.mdb')).size)
    }
    // 60 rounds write 12 MB; what is kept is 500 changes of 2 kB, and the pages that wait to be used again.
    assert.ok(Math.max(...sizes) < 6e6, `the file grew to ${Math.max(...sizes)} bytes`)
    assert.ok(fixture.store.watch('/', { after: fixture.store.revision() - 300 }))
    assert.throws(() => fixture.store.watch('/', { after: 2 }), { code: 'STORE_COMPACTED' })
    await fixture.reopen()
    assert.equal(fixture.store.list('/').entries.length, 10)
    assert.equal(fixture.store.revision(), 6001)
  })

  it('is opened by one process at a time', async () => {
    await using fixture = await openFixture()
    const { directory } = fixture
    await assert.rejects(openLmdbStore({ directory, log: silentLog, clock: systemClock }), { code: 'ALREADY_RUNNING' })
  })

  it('starts anew from a file that was never finished, and refuses one that lost its headers', async () => {
    await using fixture = await openFixture()
    const file = join(fixture.directory, 'data.mdb')
    await fixture.store.transact([], [{ type: 'put', key: '/a', value: Buffer.alloc(20_000) }])
    await fixture.store[Symbol.asyncDispose]()
    const whole = readFileSync(file)
    for (const [from, to] of [
      [0, 512],
      [4096, 4608],
      [0, 8192],
    ] as const) {
      const broken = Buffer.from(whole).fill(0, from, to)
      writeFileSync(file, broken)
      await assert.rejects(fixture.reopen(), { code: 'STORE_FAILED' })
      writeFileSync(file, broken.subarray(0, 12_288))
      await fixture.reopen()
      assert.equal(fixture.store.revision(), 1)
    }
  })
})
