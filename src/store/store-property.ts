import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Compare, ListOptions, Operation, Store, StoreEvent } from './store.ts'
import { StoreModel } from './store-model.ts'

/** An empty store of one test, and a way to leave and come back to it. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: Store
  /** Closes the store and opens it again with what it holds; `store` is the new one from then on. */
  reopen(): Promise<void>
}

/** Which revision is compared with: none, the one that is there, or an outdated one. */
type Guess = 'absent' | 'current' | 'stale'

interface TransactionStep {
  readonly compares: readonly { readonly key: string; readonly guess: Guess }[]
  readonly operations: readonly Operation[]
}

/** `at` is the revision as a share of all there are, a little beyond both ends. */
type Step =
  | { readonly type: 'transact'; readonly together: readonly TransactionStep[] }
  | {
      readonly type: 'list'
      readonly prefix: string
      readonly at: number
      readonly after?: string
      readonly limit?: number
    }
  | { readonly type: 'watch'; readonly prefix: string; readonly at: number }
  | { readonly type: 'compact'; readonly at: number }
  | { readonly type: 'reopen' }

const key = fc.constantFrom('/a/1', '/a/2', '/a/2/x', '/a/3', '/b/1', '/b/é', '/b/\u{1f600}', '/b/\uffee')
const prefix = fc.constantFrom('', '/a/', '/a/2', '/b/', '/c/')
const at = fc.double({ min: -0.1, max: 1.05, noNaN: true })

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('put' as const), key, value: fc.uint8Array({ maxLength: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
)

const transaction: fc.Arbitrary<TransactionStep> = fc.record({
  compares: fc.array(fc.record({ key, guess: fc.constantFrom<Guess>('absent', 'current', 'current', 'stale') }), {
    maxLength: 2,
  }),
  operations: fc.uniqueArray(operation, { maxLength: 4, selector: (one) => one.key }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('transact' as const),
      together: fc.array(transaction, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record(
      { type: fc.constant('list' as const), prefix, at, after: key, limit: fc.integer({ min: 1, max: 5 }) },
      { requiredKeys: ['type', 'prefix', 'at'] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('watch' as const), prefix, at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('compact' as const), at }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) },
)

/** Anything that a store's users may do, in any order. */
export const storeSteps: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 1, maxLength: 25 })

interface Watched {
  readonly prefix: string
  readonly after: number
  readonly seen: StoreEvent[]
  readonly reading: Promise<void>
}

/** Does the same to the store and to the model, and holds every answer of the one against the other's. */
export async function runSteps(steps: readonly Step[], fixture: StoreFixture): Promise<void> {
  const run: Run = { fixture, model: new StoreModel(), watched: [] }
  for (const one of steps) await takeStep(one, run)
  await checkWatches(run)
}

interface Run {
  readonly fixture: StoreFixture
  readonly model: StoreModel
  watched: Watched[]
}

async function takeStep(one: Step, run: Run): Promise<void> {
  const { fixture, model } = run
  switch (one.type) {
    case 'transact':
      return await transact(one.together, run)
    case 'list':
      return list(one, run)
    case 'watch':
      return watch(one.prefix, revisionAt(one.at, model), run)
    case 'compact':
      return await compact(revisionAt(one.at, model), run)
    case 'reopen':
      await checkWatches(run)
      run.watched = []
      return await fixture.reopen()
    default:
      one satisfies never
  }
}

async function transact(together: readonly TransactionStep[], { fixture, model }: Run): Promise<void> {
  const calls = together.map(({ compares, operations }) => ({
    compares: compares.map(({ key: compared, guess }) => compareOf(compared, guess, model)),
    operations,
  }))
  const results = await Promise.all(calls.map((call) => fixture.store.transact(call.compares, call.operations)))
  const expected = calls.map((call) => model.transact(call.compares, call.operations))
  assert.deepEqual(comparable(results), comparable(expected))
  assert.equal(fixture.store.revision(), model.revision())
}

function compareOf(compared: string, guess: Guess, model: StoreModel): Compare {
  const current = model.at(model.revision()).get(compared)?.modRevision ?? 0
  const modRevision = { absent: 0, current, stale: current + 1 }[guess]
  return { key: compared, modRevision }
}

function list(one: Step & { type: 'list' }, { fixture, model }: Run): void {
  const { type: _, at: share, prefix: below, ...paging } = one
  const options: ListOptions = { ...paging, revision: revisionAt(share, model) }
  const code = refusal(options.revision ?? 0, model)
  if (code !== undefined) assert.throws(() => fixture.store.list(below, options), { code })
  else assert.deepEqual(comparable(fixture.store.list(below, options)), comparable(model.list(below, options)))
}

function watch(below: string, after: number, { fixture, model, watched }: Run): void {
  if (after < model.compacted && after !== 0) {
    assert.throws(() => fixture.store.watch(below, { after }), { code: 'STORE_COMPACTED' })
    return
  }
  const seen: StoreEvent[] = []
  const stream = fixture.store.watch(below, { after })
  const reading = (async () => {
    for await (const batch of stream) seen.push(...batch)
  })()
  watched.push({ prefix: below, after: Math.max(after, model.compacted), seen, reading })
}

async function compact(revision: number, { fixture, model }: Run): Promise<void> {
  if (revision > model.revision()) {
    await assert.rejects(fixture.store.compact(revision), { code: 'INVALID_INPUT' })
    return
  }
  await fixture.store.compact(revision)
  model.compacted = Math.max(model.compacted, revision)
}

async function checkWatches({ model, watched }: Run): Promise<void> {
  // Everything is delivered by now, except for the turns that the readers' promises take.
  for (let turn = 0; turn < 3; turn++) await nextTurn()
  for (const { prefix: below, after, seen } of watched) {
    assert.deepEqual(comparable(seen), comparable(model.events(below, after)))
  }
}

function revisionAt(share: number, model: StoreModel): number {
  return Math.max(0, Math.round(share * (model.revision() + 1)))
}

function refusal(revision: number, model: StoreModel): string | undefined {
  if (revision > model.revision()) return 'INVALID_INPUT'
  return revision < model.compacted ? 'STORE_COMPACTED' : undefined
}

/** Values as text: which kind of bytes an implementation answers with is its own business. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) => {
      if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
      return part?.type === 'Buffer' ? Buffer.from(part.data).toString('hex') : part
    }),
  )
}
