import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Compare, type Entry, MAX_KEY_BYTES, type Operation, type StoreEvent } from './store.ts'
import { runSteps, type StoreFixture, storeSteps } from './store-property.ts'

/** The tests that every implementation of {@link Store} passes. */
export function storeConformance(name: string, open: () => Promise<StoreFixture>): void {
  describe(`${name}: the store contract`, () => {
    transactionTests(open)
    listTests(open)
    watchTests(open)
    compactionTests(open)
    modelTests(open)
  })
}

type Open = () => Promise<StoreFixture>

function transactionTests(open: Open): void {
  it('counts revisions of changing transactions only', async () => {
    await using fixture = await open()
    const { store } = fixture
    assert.equal(store.revision(), 1)
    assert.deepEqual(await store.transact([], [put('/a'), put('/b')]), { committed: true, revision: 2 })
    assert.deepEqual(await store.transact([], [remove('/nothing')]), { committed: true, revision: 2 })
    assert.deepEqual(await store.transact([compare('/a', 2)], []), { committed: true, revision: 2 })
    assert.deepEqual(await store.transact([], [put('/a')]), { committed: true, revision: 3 })
    assert.equal(store.revision(), 3)
  })

  it('keeps the creating revision until the key is deleted', async () => {
    await using fixture = await open()
    const { store } = fixture
    await store.transact([], [put('/a', 'one')])
    await store.transact([], [put('/a', 'two')])
    assert.deepEqual(plain(store.get('/a')), { key: '/a', value: 'two', createRevision: 2, modRevision: 3 })
    await store.transact([], [remove('/a')])
    assert.equal(store.get('/a'), undefined)
    await store.transact([], [put('/a', 'three')])
    assert.deepEqual(plain(store.get('/a')), { key: '/a', value: 'three', createRevision: 5, modRevision: 5 })
  })

  it('changes nothing when a comparison fails, and says what is there', async () => {
    await using fixture = await open()
    const { store } = fixture
    await store.transact([], [put('/a', 'one')])
    const lost = await store.transact([compare('/a', 2), compare('/b', 7)], [put('/a', 'two'), put('/b')])
    assert.equal(lost.committed, false)
    assert.deepEqual(!lost.committed && lost.current.map(plain), [plain(store.get('/a')), undefined])
    assert.equal(store.revision(), 2)
    assert.equal(text(store.get('/a')?.value), 'one')
    assert.equal(store.get('/b'), undefined)
  })

  it('lets exactly one of many concurrent creators win', async () => {
    await using fixture = await open()
    const { store } = fixture
    const attempts = Array.from({ length: 50 }, (_, i) => store.transact([compare('/a', 0)], [put('/a', `${i}`)]))
    const results = await Promise.all(attempts)
    assert.deepEqual(
      results.map((result) => result.committed),
      results.map((_, i) => i === 0),
    )
    assert.equal(text(store.get('/a')?.value), '0')
  })

  it('counts right when many writers increment one value', async () => {
    await using fixture = await open()
    const { store } = fixture
    const increment = async () => {
      for (;;) {
        const entry = store.get('/n')
        const next = put('/n', `${Number(text(entry?.value) ?? 0) + 1}`)
        if ((await store.transact([compare('/n', entry?.modRevision ?? 0)], [next])).committed) return
      }
    }
    await Promise.all(Array.from({ length: 20 }, increment))
    assert.equal(text(store.get('/n')?.value), '20')
    assert.equal(store.revision(), 21)
  })

  it('refuses keys that it cannot store', async () => {
    await using fixture = await open()
    const { store } = fixture
    await assert.rejects(store.transact([], [put('')]), { code: 'INVALID_INPUT' })
    await assert.rejects(store.transact([], [put('k'.repeat(MAX_KEY_BYTES + 1))]), { code: 'INVALID_INPUT' })
    await store.transact([], [put('k'.repeat(MAX_KEY_BYTES))])
    await assert.rejects(store.transact([], [put('/a'), remove('/a')]), { code: 'BUG' })
    assert.equal(store.revision(), 2)
  })

  it('keeps values of any size and bytes', async () => {
    await using fixture = await open()
    const values = [0, 1, 4095, 4096, 100_000, 3_000_000].map((size) => Buffer.alloc(size, `\0\x01\xff${size}`))
    await fixture.store.transact(
      [],
      values.map((value, i) => ({ type: 'put', key: `/${i}`, value })),
    )
    await fixture.reopen()
    for (const [i, value] of values.entries()) {
      assert.ok(value.equals(fixture.store.get(`/${i}`)?.value ?? Buffer.from('missing')), `value ${i}`)
    }
  })
}

function listTests(open: Open): void {
  it('pages through one snapshot while others write', async () => {
    await using fixture = await open()
    const { store } = fixture
    const keys = Array.from({ length: 25 }, (_, i) => `/a/${String(i).padStart(2, '0')}`)
    for (const key of keys) await store.transact([], [put(key)])
    const first = store.list('/a/', { limit: 10 })
    assert.equal(first.remaining, 15)
    await store.transact([], [remove('/a/12'), put('/a/10x'), put('/a/14', 'new'), remove('/a/24')])
    const seen = first.entries.map(({ key }) => key)
    let remaining: number = first.remaining
    while (remaining > 0) {
      const after = seen.at(-1) ?? ''
      const page = store.list('/a/', { revision: first.revision, after, limit: 10 })
      seen.push(...page.entries.map(({ key }) => key))
      remaining = page.remaining
    }
    assert.deepEqual(seen, keys)
    assert.equal(store.list('/a/').entries.length, 24)
  })

  it('orders keys by their UTF-8 bytes', async () => {
    await using fixture = await open()
    const { store } = fixture
    const keys = ['/a', '/a/b', '/a0', '/é', '/\ufffd', '/\u{1f600}', '/z']
    await store.transact(
      [],
      keys.map((key) => put(key)),
    )
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(
      store.list('/').entries.map(({ key }) => key),
      sorted,
    )
    assert.deepEqual(
      store.list('/', { after: '/\ufffd' }).entries.map(({ key }) => key),
      ['/\u{1f600}'],
    )
  })

  it('refuses a revision that does not exist yet', async () => {
    await using fixture = await open()
    assert.throws(() => fixture.store.list('/', { revision: 2 }), { code: 'INVALID_INPUT' })
  })
}

function watchTests(open: Open): void {
  it('delivers history and then what happens, once and in order', async () => {
    await using fixture = await open()
    const { store } = fixture
    await store.transact([], [put('/a/1', 'one'), put('/b/1')])
    await store.transact([], [put('/a/1', 'two')])
    const watch = store.watch('/a/', { after: 2 })
    await store.transact([], [remove('/a/1'), put('/a/2')])
    await store.transact([], [put('/b/2')])
    await store.transact([], [put('/a/3')])
    const events = await take(watch, 4)
    assert.deepEqual(events.map(summary), ['3 put /a/1', '4 delete /a/1', '4 put /a/2', '6 put /a/3'])
    assert.deepEqual(
      events.map((event) => text(event.previous?.value)),
      ['one', 'two', undefined, undefined],
    )
  })

  it('starts with the call, and with the oldest there is after 0', async () => {
    await using fixture = await open()
    const { store } = fixture
    await store.transact([], [put('/a')])
    const everything = store.watch('', { after: 0 })
    const news = store.watch('', { after: store.revision() })
    await store.transact([], [put('/b')])
    assert.deepEqual((await take(everything, 2)).map(summary), ['2 put /a', '3 put /b'])
    assert.deepEqual((await take(news, 1)).map(summary), ['3 put /b'])
  })

  it('waits for a revision that is still to come', async () => {
    await using fixture = await open()
    const { store } = fixture
    const watch = store.watch('/', { after: 3 })
    for (const key of ['/2', '/3', '/4']) await store.transact([], [put(key)])
    assert.deepEqual((await take(watch, 1)).map(summary), ['4 put /4'])
  })

  it('has what it delivers', async () => {
    await using fixture = await open()
    const { store } = fixture
    const iterator = store.watch('/', { after: 1 })[Symbol.asyncIterator]()
    const first = iterator.next().then(({ value }) => ({ value, now: plain(store.get('/a')), at: store.revision() }))
    await store.transact([], [put('/a', 'one')])
    const { value, now, at } = await first
    assert.deepEqual(plain(value?.[0]?.entry), now)
    assert.equal(at, 2)
  })

  it('ends when its signal aborts, before and while it is read', async () => {
    await using fixture = await open()
    const { store } = fixture
    const controller = new AbortController()
    const reading = take(store.watch('/', { after: 1, signal: controller.signal }), 100)
    await store.transact([], [put('/a')])
    controller.abort()
    assert.ok((await reading).length <= 1)
    assert.deepEqual(await take(store.watch('/', { after: 1, signal: controller.signal }), 1), [])
  })

  it('ends when the store is disposed', async () => {
    const fixture = await open()
    const reading = take(fixture.store.watch('/', { after: 1 }), 1)
    await fixture[Symbol.asyncDispose]()
    assert.deepEqual(await reading, [])
  })

  it('remembers what happened when it is opened again', async () => {
    await using fixture = await open()
    await fixture.store.transact([], [put('/b', 'one'), put('/a')])
    await fixture.store.transact([], [put('/b', 'two')])
    await fixture.reopen()
    assert.equal(fixture.store.revision(), 3)
    const events = await take(fixture.store.watch('/', { after: 0 }), 3)
    assert.deepEqual(events.map(summary), ['2 put /b', '2 put /a', '3 put /b'])
    assert.equal(text(events[2]?.previous?.value), 'one')
  })
}

function compactionTests(open: Open): void {
  it('refuses what is older than the compacted revision, and that only', async () => {
    await using fixture = await open()
    const { store } = fixture
    for (const value of ['2', '3', '4', '5']) await store.transact([], [put('/a', value)])
    await store.transact([], [put('/gone')])
    await store.transact([], [remove('/gone')])
    await store.compact(4)
    for (const reopened of [false, true]) {
      if (reopened) await fixture.reopen()
      const compacted = fixture.store
      assert.throws(() => compacted.list('/', { revision: 3 }), { code: 'STORE_COMPACTED' })
      assert.throws(() => compacted.watch('/', { after: 3 }), { code: 'STORE_COMPACTED' })
      assert.deepEqual(
        compacted.list('/', { revision: 4 }).entries.map((entry) => text(entry.value)),
        ['4'],
      )
      assert.deepEqual((await take(compacted.watch('/', { after: 0 }), 3)).map(summary), [
        '5 put /a',
        '6 put /gone',
        '7 delete /gone',
      ])
    }
  })

  it('keeps the revision when everything is deleted and compacted', async () => {
    await using fixture = await open()
    await fixture.store.transact([], [put('/a')])
    await fixture.store.transact([], [remove('/a')])
    await fixture.store.compact(3)
    await fixture.store.compact(2)
    await fixture.reopen()
    assert.equal(fixture.store.revision(), 3)
    assert.deepEqual(await fixture.store.transact([], [put('/b')]), { committed: true, revision: 4 })
    await assert.rejects(fixture.store.compact(5), { code: 'INVALID_INPUT' })
  })
}

function modelTests(open: Open): void {
  it('agrees with the model in any order of steps', async () => {
    const numRuns = Number(process.env.FAIRLEAD_PROPERTY_RUNS ?? 60)
    await fc.assert(
      fc.asyncProperty(storeSteps, async (steps) => {
        await using fixture = await open()
        await runSteps(steps, fixture)
      }),
      { numRuns },
    )
  })
}

function put(key: string, value = ''): Operation {
  return { type: 'put', key, value: Buffer.from(value) }
}

function remove(key: string): Operation {
  return { type: 'delete', key }
}

function compare(key: string, modRevision: number): Compare {
  return { key, modRevision }
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString()
}

function plain(entry: Entry | undefined): unknown {
  return entry && { ...entry, value: text(entry.value) }
}

function summary({ revision, type, key }: StoreEvent): string {
  return `${revision} ${type} ${key}`
}

/** The first `count` events of a watch (fewer when it ends before). */
async function take(watch: AsyncIterable<readonly StoreEvent[]>, count: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = []
  for await (const batch of watch) {
    events.push(...batch)
    if (events.length >= count) break
  }
  return events
}
