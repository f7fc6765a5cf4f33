import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NftBatch } from '../linux/nftables/batch.ts'
import { CounterPool } from './counter-pool.ts'
import { ElementMap } from './element-map.ts'
import { classKey } from './encoding.ts'
import { layoutOf } from './layout.ts'
import type { Pick } from './pick-chains.ts'

const layout = layoutOf('ip', 'fairlead')

function pool(limit: number): { pool: CounterPool; elements: ElementMap } {
  const elements = new ElementMap(layout.sets.chains)
  return { pool: new CounterPool({ family: 'ip', layout, elements, limit }), elements }
}

const turns = (shard: number, size: number): Pick => ({ balancing: 'round-robin', size, shard, seconds: 0 })
const chains = (of: CounterPool) => [...of.chains()].map(([name]) => name)

test('each gets a counter of its own while they last, then the fewest share', () => {
  const { pool: counters } = pool(3)
  const classes = [1, 2, 3, 4, 5, 6, 7].map(() => counters.acquire(turns(5, 2)))
  assert.equal(new Set(classes.slice(0, 3)).size, 3)
  assert.deepEqual([...new Set(classes)].map((one) => counters.usersOf(one)).sort(), [2, 2, 3])
})

test('one endpoint needs no counter of its own', () => {
  const { pool: counters } = pool(10)
  assert.equal(counters.acquire(turns(0, 1)), counters.acquire(turns(0, 1)))
  assert.equal(counters.size, 1)
})

test('a counter that is free is used again', () => {
  const { pool: counters } = pool(10)
  const first = counters.acquire(turns(1, 3))
  counters.release(first)
  assert.equal(counters.acquire(turns(1, 3)), first)
})

test('a free counter of another size makes room when there are no more', () => {
  const { pool: counters, elements } = pool(1)
  const two = counters.acquire(turns(4, 2))
  counters.committed()
  counters.release(two)
  const three = counters.acquire(turns(4, 3))
  assert.deepEqual(chains(counters), ['rr-3-4'])
  assert.equal(elements.get(classKey(three))?.data, 'rr-3-4')
  const batch = new NftBatch()
  counters.writeDeletes(batch)
  assert.equal(batch.size, 2, 'flush and delete the chain rr-2-4')
})

test("a chain's name tells its shard", () => {
  const { pool: counters } = pool(100)
  for (const shard of [0, 0, 7, 7, 15]) counters.acquire(turns(shard, 2))
  assert.deepEqual(chains(counters), ['rr-2-16', 'rr-2-32', 'rr-2-7', 'rr-2-23', 'rr-2-15'])
})

test('counters of the kernel are taken over, other chains are not', () => {
  const { pool: counters } = pool(100)
  assert.ok(counters.adopt(classKey(9), 'rr-2-23'))
  assert.ok(!counters.adopt(classKey(9), 'rr-2-39'), 'the class is taken')
  assert.ok(!counters.adopt(classKey(10), 'pick'))
  assert.ok(!counters.adopt(classKey(0), 'rr-2-7'), 'a class that is always there')
  assert.equal(counters.acquire(turns(7, 2), 9), 9)
  const next = counters.acquire(turns(7, 2))
  assert.notEqual(next, 9)
  assert.deepEqual(chains(counters), ['rr-2-23', 'rr-2-39'])
})

test('chance and hashes need one chain of a kind, whoever uses it', () => {
  const { pool: counters } = pool(100)
  const random: Pick = { balancing: 'random', size: 3, shard: 4, seconds: 0 }
  assert.equal(counters.acquire(random), counters.acquire(random))
  const maglev: Pick = { balancing: 'maglev', size: 2039, shard: 0, seconds: 0 }
  assert.equal(counters.acquire(maglev), counters.acquire(maglev))
  assert.deepEqual(chains(counters), ['random-3-4', 'maglev-2039-16'])
})

test('lists with affinity share chains of the same time, after the first 200', () => {
  const { pool: counters, elements } = pool(1000)
  const sticky = (seconds: number): Pick => ({ balancing: 'round-robin', size: 2, shard: 0, seconds })
  const classes = Array.from({ length: 300 }, () => counters.acquire(sticky(600)))
  assert.equal(new Set(classes).size, 200)
  const other = counters.acquire(sticky(60))
  assert.ok(!classes.includes(other))
  assert.equal(elements.get(classKey(other))?.data, 'rr-2-16-sticky-60')
  assert.ok(counters.picks(other, sticky(60)))
  assert.ok(!counters.picks(other, sticky(600)))
})
