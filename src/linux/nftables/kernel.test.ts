/** One suite for the kernel and for the fake that stands in for it. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { isNetlinkErrno } from '../netlink/socket.ts'
import { TestNamespaces } from '../test-namespaces.ts'
import { NftBatch } from './batch.ts'
import { inetService, ipv4Address, mark } from './data-type.ts'
import { rangeElements } from './element.ts'
import type { Expression } from './expression.ts'
import { FakeNftKernel } from './fake-kernel.ts'
import type { NftKernel } from './kernel.ts'
import type { Element } from './program.ts'
import { NftSocket } from './socket.ts'

const TABLE = { family: 'ip', table: 'fl-test' } as const
const MAP = { ...TABLE, name: 'ports', key: [ipv4Address, inetService], data: [mark] } as const
const CHAIN = { ...TABLE, name: 'here' }
const drop: Expression[] = [
  { kind: 'payload', base: 'network', offset: 16, length: 4, dest: 0 },
  { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(10, 0, 0, 1) },
  { kind: 'verdict', verdict: { kind: 'drop' } },
]

const places = {
  kernel() {
    const namespaces = new TestNamespaces()
    const kernel = NftSocket.open(namespaces.create('nft'))
    return {
      kernel,
      dispose() {
        kernel[Symbol.dispose]()
        namespaces[Symbol.dispose]()
      },
    }
  },
  fake: () => ({ kernel: new FakeNftKernel(), dispose() {} }),
}

for (const [place, open] of Object.entries(places)) {
  describe(`nf_tables, ${place}`, () => {
    let kernel: NftKernel
    let dispose = () => {}
    beforeEach(() => {
      const opened = open()
      kernel = opened.kernel
      dispose = opened.dispose
      commit((batch) => {
        batch.addTable({ ...TABLE, comment: 'of a test' })
        batch.addSet(MAP)
        batch.addChain(CHAIN)
      })
    })
    afterEach(() => dispose())

    function commit(fill: (batch: NftBatch) => void): void {
      const batch = new NftBatch()
      fill(batch)
      kernel.commit(batch)
    }

    function refusal(fill: (batch: NftBatch) => void): { errno: string; message: string } {
      try {
        commit(fill)
      } catch (error) {
        if (isNetlinkErrno(error, 'ENOENT', 'EEXIST', 'EBUSY', 'EINVAL')) return error
        throw error
      }
      return { errno: 'none', message: '' }
    }

    const element = (last: number, value: number): Element => ({
      key: Buffer.of(10, 0, 0, last, 0, 80, 0, 0),
      data: Buffer.of(value, 0, 0, 0),
    })
    const values = () =>
      kernel
        .elements(MAP)
        .map(({ data }) => (Buffer.isBuffer(data) ? data[0] : -1))
        .sort()

    test('a table is found with its comment, another is not', () => {
      assert.equal(kernel.table(TABLE)?.comment, 'of a test')
      assert.equal(kernel.table({ ...TABLE, table: 'none' }), undefined)
      assert.equal(kernel.table({ ...TABLE, family: 'ip6' }), undefined)
    })

    test('elements come back with value and comment', () => {
      commit((batch) => batch.addElement(MAP, { ...element(1, 7), comment: 'seven' }))
      const [listed] = kernel.elements(MAP)
      assert.deepEqual(listed?.key, Buffer.of(10, 0, 0, 1, 0, 80, 0, 0))
      assert.deepEqual(listed?.data, Buffer.of(7, 0, 0, 0))
      assert.equal(listed?.comment, 'seven')
    })

    test('a batch is applied whole or not at all', () => {
      const { errno, message } = refusal((batch) => {
        batch.addElement(MAP, element(1, 1))
        batch.deleteElement(MAP, element(2, 2))
      })
      assert.equal(errno, 'ENOENT')
      assert.match(message, /Cannot delete elements of ip fl-test ports/)
      assert.deepEqual(kernel.elements(MAP), [])
    })

    test('a batch is applied while the caller goes on, or refused as ever', async () => {
      const good = new NftBatch()
      good.addElement(MAP, element(1, 1))
      await kernel.commitLater(good)
      assert.deepEqual(values(), [1])
      const bad = new NftBatch()
      bad.deleteElement(MAP, element(2, 2))
      await assert.rejects(kernel.commitLater(bad), (error) => isNetlinkErrno(error, 'ENOENT'))
      assert.deepEqual(values(), [1])
    })

    test('the same element again is fine, with another value it is refused', () => {
      commit((batch) => batch.addElement(MAP, element(1, 1)))
      commit((batch) => batch.addElement(MAP, element(1, 1)))
      assert.equal(refusal((batch) => batch.addElement(MAP, element(1, 2))).errno, 'EEXIST')
      assert.deepEqual(values(), [1])
    })

    test('an element deleted and added in one batch has the new value', () => {
      commit((batch) => batch.addElement(MAP, element(1, 1)))
      commit((batch) => {
        batch.deleteElement(MAP, element(1, 1))
        batch.addElement(MAP, element(1, 2))
      })
      assert.deepEqual(values(), [2])
    })

    test('a flushed set is empty', () => {
      commit((batch) => batch.addElement(MAP, element(1, 1)))
      commit((batch) => batch.flushSet(MAP))
      assert.deepEqual(values(), [])
    })

    test('rules come back in order, as they were written', () => {
      commit((batch) => {
        batch.addRule({ ...TABLE, chain: 'here', expressions: drop, comment: 'first' })
        batch.addRule({ ...TABLE, chain: 'here', expressions: [{ kind: 'verdict', verdict: { kind: 'return' } }] })
      })
      const rules = kernel.rules(TABLE)
      assert.deepEqual(rules[0]?.expressions, drop)
      assert.deepEqual(
        rules.map(({ comment }) => comment),
        ['first', undefined],
      )
      commit((batch) => batch.deleteRule(CHAIN, rules[0]!.handle))
      assert.equal(kernel.rules(TABLE, 'here').length, 1)
      commit((batch) => batch.flushChain(CHAIN))
      assert.deepEqual(kernel.rules(TABLE), [])
    })

    test('a chain with rules, or that something leads to, cannot be deleted', () => {
      commit((batch) => {
        batch.addChain({ ...TABLE, name: 'to' })
        batch.addRule({ ...TABLE, chain: 'to', expressions: drop })
        batch.addRule({
          ...TABLE,
          chain: 'here',
          expressions: [{ kind: 'verdict', verdict: { kind: 'goto', chain: 'to' } }],
        })
      })
      assert.equal(refusal((batch) => batch.deleteChain({ ...TABLE, name: 'to' })).errno, 'EBUSY')
      commit((batch) => {
        batch.flushChain(CHAIN)
        batch.flushChain({ ...TABLE, name: 'to' })
        batch.deleteChain({ ...TABLE, name: 'to' })
      })
      assert.deepEqual(
        kernel.chains(TABLE).map(({ name }) => name),
        ['here'],
      )
    })

    test('a verdict map leads to a chain that is made in the same batch, and holds it', () => {
      const verdicts = { ...TABLE, name: 'verdicts', key: [mark], data: 'verdict' } as const
      const way = { key: Buffer.of(1, 0, 0, 0), data: { kind: 'goto', chain: 'way' } } as const
      commit((batch) => {
        batch.addSet(verdicts)
        batch.addChain({ ...TABLE, name: 'way' })
        batch.addElement(verdicts, way)
      })
      assert.deepEqual(kernel.elements(verdicts)[0]?.data, way.data)
      assert.equal(refusal((batch) => batch.deleteChain({ ...TABLE, name: 'way' })).errno, 'EBUSY')
      commit((batch) => {
        batch.deleteElement(verdicts, way)
        batch.deleteChain({ ...TABLE, name: 'way' })
      })
      const lost = { key: Buffer.of(2, 0, 0, 0), data: { kind: 'goto', chain: 'nowhere' } } as const
      assert.equal(refusal((batch) => batch.addElement(verdicts, lost)).errno, 'ENOENT')
    })

    test('a set that a rule uses cannot be deleted', () => {
      const lookup: Expression[] = [
        { kind: 'meta', key: 'mark', dest: 0 },
        { kind: 'lookup', set: 'marks', source: 0 },
      ]
      const marks = { ...TABLE, name: 'marks', key: [mark] }
      commit((batch) => {
        batch.addSet(marks)
        batch.addRule({ ...TABLE, chain: 'here', expressions: lookup })
      })
      assert.equal(refusal((batch) => batch.deleteSet(marks)).errno, 'EBUSY')
      commit((batch) => {
        batch.flushChain(CHAIN)
        batch.deleteSet(marks)
      })
      const nowhere: Expression[] = [{ kind: 'lookup', set: 'marks', source: 0 }]
      const load: Expression = { kind: 'meta', key: 'mark', dest: 0 }
      const rule = { ...TABLE, chain: 'here', expressions: [load, ...nowhere] }
      assert.equal(refusal((batch) => batch.addRule(rule)).errno, 'ENOENT')
    })

    test('sets and chains come back with their shapes', () => {
      const [set] = kernel.sets(TABLE)
      assert.equal(set?.name, 'ports')
      assert.equal(set?.keyLength, 8)
      assert.equal(set?.dataLength, 4)
      commit((batch) => batch.addChain({ ...TABLE, name: 'in', base: { type: 'nat', hook: 'input', priority: 7 } }))
      const chain = kernel.chains(TABLE).find(({ name }) => name === 'in')
      assert.deepEqual(chain?.base, { type: 'nat', hook: 'input', priority: 7, policy: 'accept' })
    })

    test('ranges come back as start and end', () => {
      const set = { ...TABLE, name: 'ranges', key: [ipv4Address], interval: true } as const
      commit((batch) => {
        batch.addSet(set)
        for (const one of rangeElements(Buffer.of(10, 1, 0, 0), Buffer.of(10, 1, 0, 255))) batch.addElement(set, one)
      })
      const ends = kernel.elements(set).map(({ key, flags }) => `${key.toString('hex')} ${flags}`)
      assert.deepEqual(ends.sort(), ['0a010000 0', '0a010100 1'])
    })

    test('every applied batch makes a new generation, a refused one none', () => {
      const before = kernel.generation()
      commit((batch) => batch.addElement(MAP, element(1, 1)))
      assert.equal(kernel.generation(), before + 1)
      refusal((batch) => batch.deleteElement(MAP, element(9, 9)))
      assert.equal(kernel.generation(), before + 1)
    })

    test('a table goes with all that is in it, also when there is none', () => {
      commit((batch) => batch.destroyTable(TABLE))
      assert.equal(kernel.table(TABLE), undefined)
      commit((batch) => batch.destroyTable(TABLE))
      assert.equal(refusal((batch) => batch.deleteTable(TABLE)).errno, 'ENOENT')
      assert.equal(refusal((batch) => batch.addElement(MAP, element(1, 1))).errno, 'ENOENT')
    })
  })
}

test('a batch for another generation is refused', () => {
  using namespaces = new TestNamespaces()
  using kernel = NftSocket.open(namespaces.create('gen'))
  const batch = new NftBatch({ generation: kernel.generation() + 5 })
  batch.addTable(TABLE)
  assert.throws(
    () => kernel.commit(batch),
    (error) => isNetlinkErrno(error, 'ERESTART'),
  )
})

test('a refusal names the element', () => {
  using namespaces = new TestNamespaces()
  using kernel = NftSocket.open(namespaces.create('key'))
  const made = new NftBatch()
  made.addTable(TABLE)
  made.addSet(MAP)
  kernel.commit(made)
  const batch = new NftBatch()
  batch.addElement(MAP, { key: Buffer.of(10, 0, 0, 1, 0, 80, 0, 0), data: Buffer.of(1, 0, 0, 0) })
  batch.deleteElement(MAP, { key: Buffer.of(10, 0, 0, 1, 0, 80, 0, 0) })
  batch.deleteElement(MAP, { key: Buffer.of(10, 0, 0, 2, 0, 80, 0, 0) })
  assert.throws(() => kernel.commit(batch), {
    message: 'Cannot delete elements of ip fl-test ports (key 0a00000200500000): ENOENT',
  })
})

test('160,000 elements are one batch', () => {
  using namespaces = new TestNamespaces()
  using kernel = NftSocket.open(namespaces.create('big'))
  const batch = new NftBatch()
  batch.addTable(TABLE)
  batch.addSet(MAP)
  for (let i = 0; i < 160_000; i += 1) {
    const key = Buffer.of(10, i >> 16, (i >> 8) & 255, i & 255, 0, 80, 0, 0)
    batch.addElement(MAP, { key, data: Buffer.of(1, 0, 0, 0) })
  }
  kernel.commit(batch)
  assert.equal(kernel.elements(MAP).length, 160_000)
})
