import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maximumPods, type PoolLimits, type PoolStep, type PoolView, planPool } from './pool-plan.ts'

const LIMITS: PoolLimits = { interfaces: 2, addressesPerInterface: 6, minFree: 2, maxFree: 4 }

function view(cards: readonly (readonly string[])[], taken: readonly string[] = [], waiting = 0): PoolView {
  const interfaces = cards.map((addresses, i) => ({ id: `eni-${i}`, macAddress: `02:00:00:00:00:0${i}`, addresses }))
  return { interfaces, taken: new Set(taken), waiting }
}

test('planPool() keeps between the marks, within what the type allows', () => {
  const rows: [string, PoolView, PoolStep | undefined][] = [
    ['the first interface', view([]), { kind: 'create', count: 2 }],
    ['enough', view([['a', 'b', 'c']], ['a']), undefined],
    ['one short', view([['a', 'b', 'c']], ['a', 'b']), { kind: 'assign', interfaceId: 'eni-0', count: 1 }],
    ['pods wait', view([['a', 'b']], ['a', 'b'], 9), { kind: 'assign', interfaceId: 'eni-0', count: 4 }],
    [
      'a second one',
      view([['a', 'b', 'c', 'd', 'e', 'f']], ['a', 'b', 'c', 'd', 'e', 'f']),
      { kind: 'create', count: 2 },
    ],
    [
      'too many, of the interface with fewer pods',
      view(
        [
          ['a', 'b', 'c', 'd'],
          ['e', 'f', 'g'],
        ],
        ['a', 'b'],
      ),
      { kind: 'unassign', interfaceId: 'eni-1', addresses: ['g'] },
    ],
    [
      'an interface that nobody needs',
      view([['a', 'b', 'c', 'd', 'e'], ['f']], ['a']),
      { kind: 'remove', interfaceId: 'eni-1' },
    ],
    ['while pods wait nothing goes', view([['a', 'b', 'c', 'd', 'e', 'f']], [], 1), undefined],
  ]
  for (const [what, given, wanted] of rows) assert.deepEqual(planPool(given, LIMITS), wanted, what)
})

test('planPool() says that all is in use when pods wait for it, and rests when only the warm ones are missing', () => {
  const letters = [...'abcdef']
  const full = [letters, letters.map((letter) => `${letter}2`)]
  const taken = full.flat()
  assert.deepEqual(planPool(view(full, taken, 1), LIMITS), { kind: 'full' })
  assert.equal(planPool(view(full, taken), LIMITS), undefined)
  assert.equal(maximumPods(LIMITS), 12)
})

test('whatever is in use, the steps end, keep what is in use, and leave the marks where they want it', () => {
  const shape = fc.record({
    cards: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }),
    used: fc.array(fc.nat(11), { maxLength: 12 }),
    waiting: fc.nat(4),
    minFree: fc.nat(3),
    spare: fc.nat(4),
  })
  fc.assert(
    fc.property(shape, ({ cards, used, waiting, minFree, spare }) => {
      const limits = { ...LIMITS, minFree, maxFree: minFree + spare }
      let next = 0
      let interfaces = view(cards.map((count) => Array.from({ length: count }, () => `a${next++}`))).interfaces
      const taken = new Set(
        used.map((n) => `a${n}`).filter((address) => interfaces.some((card) => card.addresses.includes(address))),
      )
      let step: PoolStep | undefined
      for (let steps = 0; ; steps++) {
        assert.ok(steps < 30, 'the steps end')
        step = planPool({ interfaces, taken, waiting }, limits)
        if (step === undefined || step.kind === 'full') break
        const done = step
        const fresh = (count: number) => Array.from({ length: count }, () => `a${100 + next++}`)
        if (done.kind === 'create') {
          interfaces = [...interfaces, { id: `eni-n${next}`, macAddress: '', addresses: fresh(done.count) }]
        } else if (done.kind === 'remove') {
          interfaces = interfaces.filter(({ id }) => id !== done.interfaceId)
        } else {
          interfaces = interfaces.map((card) => {
            if (card.id !== done.interfaceId) return card
            if (done.kind === 'assign') return { ...card, addresses: [...card.addresses, ...fresh(done.count)] }
            assert.ok(!done.addresses.includes(card.addresses[0] ?? ''), 'the primary address stays')
            return { ...card, addresses: card.addresses.filter((one) => !done.addresses.includes(one)) }
          })
        }
        assert.ok(interfaces.length <= limits.interfaces)
        assert.ok(interfaces.every(({ addresses }) => addresses.length <= limits.addressesPerInterface))
        const all = new Set(interfaces.flatMap(({ addresses }) => addresses))
        assert.ok(
          [...taken].every((address) => all.has(address)),
          'what pods have stays',
        )
      }
      const total = interfaces.flatMap(({ addresses }) => addresses).length
      const free = total - taken.size
      const enough = free >= Math.max(minFree, waiting) || total === maximumPods(limits)
      assert.ok(enough, `${free} free of ${total}`)
      assert.equal(step?.kind === 'full', waiting > free)
    }),
    { numRuns: 300 },
  )
})
