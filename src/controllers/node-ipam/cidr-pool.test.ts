import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { CidrPool } from './cidr-pool.ts'

test('a /24 per node from 10.244.0.0/16, in order', () => {
  const pool = new CidrPool('10.244.0.0/16')
  assert.deepEqual([pool.allocate(), pool.allocate()], ['10.244.0.0/24', '10.244.1.0/24'])
  assert.equal(pool.family, 'IPv4')
})

test('a /64 per node from fd00:10:244::/56', () => {
  const pool = new CidrPool('fd00:10:244::/56')
  assert.deepEqual([pool.allocate(), pool.allocate()], ['fd00:10:244::/64', 'fd00:10:244:1::/64'])
  assert.equal(pool.family, 'IPv6')
})

test('what nodes have already is not given out; a foreign range is not ours', () => {
  const pool = new CidrPool('10.244.0.0/16')
  assert.ok(pool.occupy('10.244.0.0/24'))
  assert.ok(pool.occupy('10.244.2.0/23'))
  assert.ok(!pool.occupy('10.245.0.0/24'))
  assert.ok(!pool.occupy('fd00::/64'))
  assert.deepEqual([pool.allocate(), pool.allocate()], ['10.244.1.0/24', '10.244.4.0/24'])
})

test('when all are taken there is none; a released one is given out again', () => {
  const pool = new CidrPool('10.0.0.0/23')
  assert.deepEqual([pool.allocate(), pool.allocate(), pool.allocate()], ['10.0.0.0/24', '10.0.1.0/24', undefined])
  pool.release('10.0.0.0/24')
  assert.equal(pool.allocate(), '10.0.0.0/24')
})

test('a CIDR without room for a node, and one that is none, are refused', () => {
  for (const cidr of ['10.0.0.0/25', 'fd00::/40', 'nonsense']) {
    assert.throws(
      () => new CidrPool(cidr),
      (error) => isFairleadError(error, 'INVALID_INPUT'),
    )
  }
})

test('property: no part is held twice, whatever is allocated, occupied and released', () => {
  const step = fc.oneof(
    fc.constant({ type: 'allocate' } as const),
    fc.record({ type: fc.constant('release' as const), index: fc.nat(15) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = new CidrPool('10.0.0.0/20')
      const held = new Set<string>()
      for (const each of steps) {
        if (each.type === 'release') {
          const cidr = `10.0.${each.index}.0/24`
          pool.release(cidr)
          held.delete(cidr)
          continue
        }
        const cidr = pool.allocate()
        assert.equal(cidr === undefined, held.size === 16)
        if (cidr === undefined) continue
        assert.ok(!held.has(cidr), `${cidr} twice`)
        held.add(cidr)
      }
    }),
  )
})
