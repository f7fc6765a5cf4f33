import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enforceableLimits, missingControllers, resourceLimits } from './container-resources.ts'
import { limitsCondition } from './node-status.ts'
import { testContainer } from './test-pods.ts'

const limits = resourceLimits(
  testContainer('web', { resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m' } } }),
)

test('limits that nothing would enforce are left out, and told', () => {
  const cpu = { shares: 256, quota: 50_000, period: 100_000 }
  const rows = [
    [['cpu', 'memory'], { limits: { memory: 67_108_864, cpu }, dropped: [] }],
    [['cpu'], { limits: { cpu }, dropped: ['memory'] }],
    [['memory'], { limits: { memory: 67_108_864 }, dropped: ['cpu'] }],
    [[], { limits: undefined, dropped: ['cpu', 'memory'] }],
  ] as const
  for (const [controllers, expected] of rows) {
    assert.deepEqual(enforceableLimits(limits, missingControllers(new Set(controllers))), expected)
  }
})

test('who has no limit is told nothing; a share of the CPU is none', () => {
  assert.deepEqual(enforceableLimits(undefined, ['cpu', 'memory']), { limits: undefined, dropped: [] })
  const share = resourceLimits(testContainer('web', { resources: { requests: { cpu: '1' } } }))
  assert.deepEqual(enforceableLimits(share, ['cpu', 'memory']), { limits: undefined, dropped: [] })
})

test('the node says which limits are not enforced, and nothing where all are', () => {
  assert.deepEqual(limitsCondition([]), [])
  assert.deepEqual(limitsCondition(['memory']), [
    {
      type: 'LimitsEnforced',
      status: 'False',
      reason: 'ControllerMissing',
      message: 'this machine has no memory controller of control groups',
    },
  ])
})
