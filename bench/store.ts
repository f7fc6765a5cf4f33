import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { openLmdbStore } from '../src/store/lmdb-store.ts'
import type { Store } from '../src/store/store.ts'
import { workDirectory } from './work-directory.ts'

const WRITERS = [1, 16, 64]
/** About a Service's size as JSON. */
const VALUE = Buffer.alloc(1_200, '{"kind":"Service"}')

/**
 * Durable writes per second into the store with 1, 16 and 64 concurrent writers, beside the rate at which the same disk
 * takes one appended page and an fdatasync(2); how long it takes to open it, and what a list and a watch cost.
 *
 * Flags: `--seconds N` per figure (2), `--directory PATH` on the disk to measure (the current one), `--keys N` (10000).
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '2' },
      directory: { type: 'string', default: '.' },
      keys: { type: 'string', default: '10000' },
    },
  })
  const directory = workDirectory(values.directory)
  try {
    const milliseconds = Number(values.seconds) * 1_000
    const fsyncs = fsyncRate(join(directory, 'raw'), milliseconds)
    const figures = await measureStore(join(directory, 'store'), milliseconds, Number(values.keys))
    return { ...figures, disk: { fdatasync_per_s: fsyncs } }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureStore(directory: string, milliseconds: number, keys: number): Promise<Record<string, unknown>> {
  const cold = await timed(() => openLmdbStore({ directory: `${directory}-cold`, log: silentLog, clock: systemClock }))
  await cold.value[Symbol.asyncDispose]()
  const empty = await timed(() => openLmdbStore({ directory, log: silentLog, clock: systemClock }))
  const store = empty.value
  const writes: Record<string, unknown> = {}
  for (const writers of WRITERS) writes[`${writers}_writers`] = await writeRate(store, writers, milliseconds)
  await store.transact(
    [],
    store.list('/').entries.map(({ key }) => ({ type: 'delete', key })),
  )
  await fill(store, keys)
  const list = await timed(async () => store.list('/registry/services/'))
  const fanout = await watchFanOut(store, 100, 1_000)
  await store.compact(store.revision())
  await store[Symbol.asyncDispose]()
  const full = await timed(() => openLmdbStore({ directory, log: silentLog, clock: systemClock }))
  await full.value[Symbol.asyncDispose]()
  return {
    writes_per_s: writes,
    /** The first one of a process loads LMDB. */
    open_first_ms: cold.ms,
    open_empty_ms: empty.ms,
    keys,
    open_ms: full.ms,
    list_ms: list.ms,
    watch_events_per_s: fanout,
    rss_mb: Math.round(process.memoryUsage().rss / 1e6),
  }
}

async function writeRate(store: Store, writers: number, milliseconds: number): Promise<Record<string, number>> {
  const latencies: number[] = []
  const end = performance.now() + milliseconds
  const writeOn = async (writer: number) => {
    for (let i = 0; performance.now() < end; i++) {
      const start = performance.now()
      await store.transact([], [{ type: 'put', key: `/bench/${writer}/${i % 100}`, value: VALUE }])
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => writeOn(writer)))
  latencies.sort((a, b) => a - b)
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0
  return { per_s: Math.round((latencies.length * 1_000) / milliseconds), p99_ms: round(p99) }
}

async function fill(store: Store, keys: number): Promise<void> {
  const puts = Array.from({ length: keys }, (_, i) =>
    store.transact([], [{ type: 'put', key: `/registry/services/default/service-${i}`, value: VALUE }]),
  )
  await Promise.all(puts)
}

/** Events delivered per second when every change goes to `watchers`. */
async function watchFanOut(store: Store, watchers: number, changes: number): Promise<number> {
  const start = performance.now()
  const reading = Array.from({ length: watchers }, async () => {
    let seen = 0
    for await (const batch of store.watch('/registry/pods/', { after: store.revision() })) {
      seen += batch.length
      if (seen === changes) return
    }
  })
  for (let i = 0; i < changes; i += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, j) =>
        store.transact([], [{ type: 'put', key: `/registry/pods/default/${i + j}`, value: VALUE }]),
      ),
    )
  }
  await Promise.all(reading)
  return Math.round((watchers * changes * 1_000) / (performance.now() - start))
}

function fsyncRate(path: string, milliseconds: number): number {
  const fd = openSync(path, 'w')
  const page = Buffer.alloc(4_096, 1)
  const end = performance.now() + milliseconds
  let count = 0
  for (; performance.now() < end; count++) {
    writeSync(fd, page)
    fdatasyncSync(fd)
  }
  closeSync(fd)
  return Math.round((count * 1_000) / milliseconds)
}

async function timed<T>(action: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now()
  const value = await action()
  return { value, ms: round(performance.now() - start) }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
