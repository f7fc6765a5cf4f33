import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { arrange, smoothSlots } from './arrange.ts'
import { maglevSize, maglevTable } from './maglev.ts'

const endpoints = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `10.244.${i >> 8}.${i & 255}`, weight: 1 }))

function counts(slots: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const key of slots) found.set(key, (found.get(key) ?? 0) + 1)
  return found
}

describe('Maglev', () => {
  test('removing any one of 50 endpoints moves at most 4 % of the slots of the others', () => {
    const all = endpoints(50)
    const size = maglevSize(50)
    const before = maglevTable(all, size)
    for (const gone of all) {
      const now = maglevTable(
        all.filter((one) => one !== gone),
        size,
      )
      const others = before.filter((key) => key !== gone.key).length
      const moved = before.filter((key, slot) => key !== gone.key && now[slot] !== key).length
      assert.ok(moved <= others * 0.04, `${moved} of ${others} without ${gone.key}`)
    }
  })

  test('each has its share, within one slot', () => {
    for (const count of [2, 3, 7, 50, 100]) {
      const shares = [...counts(maglevTable(endpoints(count), maglevSize(count))).values()]
      assert.equal(shares.length, count)
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${count} endpoints`)
    }
  })

  test('weights are shares, and the least has one', () => {
    const found = counts(
      maglevTable(
        [
          { key: 'a', weight: 3 },
          { key: 'b', weight: 1 },
        ],
        2039,
      ),
    )
    assert.ok(Math.abs((found.get('a') ?? 0) / (found.get('b') ?? 1) - 3) < 0.02)
    const many = [...endpoints(12).map((one) => ({ ...one, weight: 100 })), { key: 'z', weight: 1 }]
    assert.ok(counts(maglevTable(many, 13)).has('z'))
  })

  test('the order in which endpoints are named does not matter', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 20 }), fc.nat(), (addresses, turn) => {
        const all = addresses.map((key) => ({ key, weight: 1 }))
        const other = [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)]
        assert.deepEqual(maglevTable(other, 251), maglevTable(all, 251))
      }),
    )
  })
})

describe('slots', () => {
  test('the turns of a heavy endpoint are spread out', () => {
    const slots = smoothSlots([
      { key: 'a', weight: 5 },
      { key: 'b', weight: 1 },
      { key: 'c', weight: 1 },
    ])
    assert.equal(slots.join(''), 'aabacaa')
  })

  test('weights are kept as they relate; equal ones are none', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 8 })
    fc.assert(
      fc.property(weights, (all) => {
        const wanted = all.map((weight, index) => ({ key: `${index}`, weight }))
        const { slots } = arrange(wanted, { balancing: 'round-robin', former: [] })
        const found = counts(slots)
        const unit = slots.length / all.reduce((a, b) => a + b)
        for (const { key, weight } of wanted) assert.ok(Math.abs((found.get(key) ?? 0) - weight * unit) < 1e-6)
        if (new Set(all).size === 1) assert.equal(slots.length, all.length)
      }),
    )
  })

  test('there are not more than a thousand of them, and none goes without', () => {
    const wanted = Array.from({ length: 250 }, (_, i) => ({ key: `${i}`, weight: i === 0 ? 1 : 99 }))
    const { slots } = arrange(wanted, { balancing: 'random', former: [] })
    assert.equal(counts(slots).size, 250)
    assert.ok(slots.length <= 1250, `${slots.length}`)
  })

  test('one endpoint needs no table', () => {
    const { balancing, slots } = arrange(endpoints(1), { balancing: 'maglev', former: [] })
    assert.deepEqual([balancing, slots.length], ['round-robin', 1])
  })
})
