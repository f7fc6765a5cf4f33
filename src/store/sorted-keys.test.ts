import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareKeys } from './key-order.ts'
import { SortedKeys } from './sorted-keys.ts'

function inOrder(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

describe('key order', () => {
  it('is that of the UTF-8 bytes', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '/', '~', 'é', '\ud7ff', '\ue000', '\uffee', '\u{1f600}'),
      maxLength: 4,
    })
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })
})

describe('sorted keys', () => {
  it('page like a sorted list, whatever was added and removed, over many chunks', () => {
    const number = fc.integer({ min: 0, max: 4_000 })
    const change = fc.record({
      from: number,
      count: fc.integer({ min: 1, max: 900 }),
      step: fc.constantFrom(1, 3, 1_009),
    })
    const scenario = fc.record({
      initial: change,
      changes: fc.array(change, { maxLength: 8 }),
      prefix: fc.constantFrom('', '/1', '/12', '/39', '/x'),
      after: fc.option(number, { nil: undefined }),
      limit: fc.integer({ min: 0, max: 2_000 }),
    })
    fc.assert(
      fc.property(scenario, ({ initial, changes, prefix, after, limit }) => {
        const model = new Set(keysOf(initial))
        const keys = SortedKeys.of(model)
        for (const key of changes.flatMap(keysOf)) {
          if (model.delete(key)) keys.delete(key)
          else {
            model.add(key)
            keys.add(key)
          }
        }
        const above = after === undefined ? undefined : `/${after}`
        const all = inOrder(model).filter((key) => key.startsWith(prefix) && (above === undefined || key > above))
        const expected = { keys: all.slice(0, limit), remaining: Math.max(0, all.length - limit) }
        assert.deepEqual(keys.page(prefix, above, limit), expected)
      }),
    )
  })
})

function keysOf({ from, count, step }: { from: number; count: number; step: number }): string[] {
  return [...new Set(Array.from({ length: count }, (_, i) => `/${(from + i * step) % 5_000}`))]
}
