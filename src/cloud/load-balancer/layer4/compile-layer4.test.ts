import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeNftKernel } from '../../../linux/nftables/fake-kernel.ts'
import { backendData, bytesOf, textOf, wordAt } from '../../../proxy/encoding.ts'
import { compileLayer4, type Layer4Listener, MAX_COUNTERS } from './compile-layer4.ts'
import { Layer4Table } from './layer4-table.ts'
import { layer4Layout } from './layout.ts'
import { parsePickChain, parseTimeoutChain, pickChainName, timeoutChainName } from './pick-chains.ts'

function listener(port: number, nodes: readonly number[], change: Partial<Layer4Listener> = {}): Layer4Listener {
  return {
    key: `lb/tcp/${port}`,
    address: '203.0.113.10',
    port,
    protocol: 'tcp',
    pick: 'rr',
    persistence: 0,
    backends: nodes.map((n) => ({ key: `i-${n}`, address: `192.168.1.${n}`, port: 80, weight: 1 })),
    ...change,
  }
}

const weighted = fc.uniqueArray(
  fc.record({ n: fc.integer({ min: 1, max: 9 }), weight: fc.integer({ min: 1, max: 6 }) }),
  { selector: ({ n }) => n, maxLength: 5 },
)
const anyListener = fc
  .record({
    port: fc.integer({ min: 1, max: 6 }),
    pick: fc.constantFrom('rr', 'rr', 'sch'),
    persistence: fc.constantFrom(0, 0, 60),
    backends: weighted,
    black: fc.boolean(),
  })
  .map(({ port, pick, persistence, backends, black }) =>
    listener(port, [], {
      pick,
      persistence,
      backends: backends.map(({ n, weight }) => ({ key: `i-${n}`, address: `192.168.1.${n}`, port: 80, weight })),
      ...(black ? { acl: { type: 'black', cidrs: ['10.0.0.0/8', '10.1.0.0/16'] } as const } : {}),
    }),
  )
const plans = fc.array(fc.uniqueArray(anyListener, { selector: ({ port }) => port, maxLength: 4 }), {
  minLength: 1,
  maxLength: 5,
})

/** Where each listener's slots lead, whatever numbers are between. */
function meaning(kernel: FakeNftKernel): Record<string, unknown> {
  const { sets } = layer4Layout('ip')
  const data = (element: { data: unknown }) => (Buffer.isBuffer(element.data) ? textOf(element.data) : '')
  const backends = new Map(kernel.elements(sets.backends).map((element) => [textOf(element.key), data(element)]))
  const slots = kernel.elements(sets.slots)
  const picks = new Map(
    kernel
      .elements(sets.picks)
      .map(({ key, data: verdict }) => [
        wordAt(textOf(key), 0),
        verdict !== undefined && 'chain' in verdict ? verdict.chain.replace(/-\d+(-sticky|$)/, '$1') : '',
      ]),
  )
  return Object.fromEntries(
    kernel.elements(sets.listeners).map((element) => {
      const number = wordAt(data(element), 0)
      const own = slots.filter(({ key }) => wordAt(textOf(key), 0) === number)
      const counts: Record<string, number> = {}
      for (const slot of own) {
        const destination = Buffer.from(backends.get(data(slot)) ?? 'none', 'latin1').toString('hex')
        counts[destination] = (counts[destination] ?? 0) + 1
      }
      const denied = kernel.elements(sets.denied).filter(({ key }) => wordAt(textOf(key), 0) === number).length
      return [element.comment ?? '', { pick: picks.get(number), counts, denied }] as const
    }),
  )
}

test('any sequence of changes ends where a fresh start ends, also with restarts in between', () => {
  fc.assert(
    fc.property(plans, fc.boolean(), (steps, restarts) => {
      const [kernel, fresh] = [new FakeNftKernel(), new FakeNftKernel()]
      let table = new Layer4Table(kernel, 'ip')
      for (const step of steps) {
        if (restarts) table = new Layer4Table(kernel, 'ip')
        table.apply(step)
        assert.equal(table.apply(step), 0)
      }
      new Layer4Table(fresh, 'ip').apply(steps.at(-1) ?? [])
      assert.deepEqual(meaning(kernel), meaning(fresh))
      const generation = kernel.generation()
      assert.equal(new Layer4Table(kernel, 'ip').apply(steps.at(-1) ?? []), 0)
      assert.equal(kernel.generation(), generation)
    }),
    { numRuns: 60 },
  )
})

test('a backend more is a few elements, whatever else there is', () => {
  const kernel = new FakeNftKernel()
  const table = new Layer4Table(kernel, 'ip')
  const others = Array.from({ length: 50 }, (_, n) => listener(1000 + n, [1, 2]))
  table.apply([...others, listener(80, [1, 2, 3])])
  // The backend, its slot, and the chain that picks one of four in place of that for three.
  assert.ok(table.apply([...others, listener(80, [1, 2, 3, 4])]) <= 10)
})

test('each listener that counts has a counter of its own while they last', () => {
  const listeners = Array.from({ length: MAX_COUNTERS + 10 }, (_, n) => listener(n + 1, [1, 2]))
  const { picks, memory } = compileLayer4('ip', listeners)
  assert.equal(picks.size, MAX_COUNTERS)
  const names = [...memory.picks.values()].map(pickChainName)
  assert.equal(new Set(names.slice(0, MAX_COUNTERS)).size, MAX_COUNTERS)
})

test('the names of chains say what they do', () => {
  const pick = { kind: 'qch', size: 2039, counter: 1, persistence: 60, keepsPort: true } as const
  assert.equal(pickChainName(pick), 'qch-2039-1-sticky-60-anyport')
  assert.deepEqual(parsePickChain(pickChainName(pick)), pick)
  assert.equal(parseTimeoutChain(timeoutChainName(900)), 900)
  assert.equal(parsePickChain('listener'), undefined)
  assert.equal(bytesOf(backendData('192.168.1.1', 80)).toString('hex'), 'c0a8010100500000')
})
