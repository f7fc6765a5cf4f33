import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../kube/types/core.ts'
import type { PodDisruptionBudget } from '../../kube/types/policy.ts'
import { DELETION_TIMEOUT_MS, failSafeStatus, planBudgetStatus } from './budget-status.ts'
import { expectPods, type Scale } from './expected-pods.ts'

const NOW = Date.parse('2026-01-01T00:10:00Z')

function pod(name: string, { ready = true, going = false } = {}): Pod {
  const deletion = going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }]
  return { metadata: { name, namespace: 'default', ...deletion }, spec: {}, status: { conditions } } as unknown as Pod
}

function budget(spec: Partial<PodDisruptionBudget['spec']>, status?: object): PodDisruptionBudget {
  const metadata = { name: 'web', namespace: 'default', generation: 2 }
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec, status } as PodDisruptionBudget
}

const scale =
  (replicas: number, uid = 'u') =>
  (): Scale => ({ kind: 'scale', uid, replicas })

describe('what a budget expects', () => {
  const three = [pod('a'), pod('b'), pod('c')]
  const cases: readonly (readonly [name: string, spec: object, of: () => Scale | undefined, expected: object])[] = [
    ['a number', { minAvailable: 2 }, scale(9), { expectedPods: 3, desiredHealthy: 2, unmanaged: [] }],
    [
      'a share of what is wanted',
      { minAvailable: '50%' },
      scale(5),
      { expectedPods: 5, desiredHealthy: 3, unmanaged: [] },
    ],
    ['a number that may fail', { maxUnavailable: 2 }, scale(5), { expectedPods: 5, desiredHealthy: 3, unmanaged: [] }],
    [
      'a share that may fail',
      { maxUnavailable: '30%' },
      scale(5),
      { expectedPods: 5, desiredHealthy: 3, unmanaged: [] },
    ],
    ['all may fail', { maxUnavailable: '100%' }, scale(5), { expectedPods: 5, desiredHealthy: 0, unmanaged: [] }],
    ['more than there are', { maxUnavailable: 9 }, scale(5), { expectedPods: 5, desiredHealthy: 0, unmanaged: [] }],
    [
      'nobody’s pods',
      { maxUnavailable: 1 },
      () => undefined,
      { expectedPods: 0, desiredHealthy: 0, unmanaged: ['a', 'b', 'c'] },
    ],
    ['nothing said', {}, scale(5), { expectedPods: 0, desiredHealthy: 0, unmanaged: [] }],
  ]
  for (const [name, spec, of, expected] of cases) {
    it(name, () => {
      assert.deepEqual(expectPods(budget(spec), three, of), { kind: 'expectation', expectation: expected })
    })
  }

  it('is the sum of its controllers, each once', () => {
    let count = 0
    const each = (): Scale => ({ kind: 'scale', uid: `u${count++ % 2}`, replicas: 4 })
    const result = expectPods(budget({ maxUnavailable: 1 }), three, each)
    assert.deepEqual(result, {
      kind: 'expectation',
      expectation: { expectedPods: 8, desiredHealthy: 7, unmanaged: [] },
    })
  })

  it('fails when one cannot be asked', () => {
    const why = 'jobs.batch does not implement the scale subresource'
    assert.deepEqual(
      expectPods(budget({ maxUnavailable: 1 }), three, () => ({ kind: 'unknown', why })),
      { kind: 'failed', why },
    )
  })
})

describe('the status of a budget', () => {
  const expectation = { expectedPods: 3, desiredHealthy: 1, unmanaged: [] }

  it('counts pods that are ready and stay', () => {
    const all = [pod('a'), pod('b', { ready: false }), pod('c', { going: true }), pod('d')]
    const { status } = planBudgetStatus(budget({}), all, { expectation, now: NOW })
    assert.equal(status.currentHealthy, 2)
    assert.equal(status.disruptionsAllowed, 1)
    assert.equal(status.observedGeneration, 2)
  })

  it('counts no pod that an eviction was granted for, until that is too long ago', () => {
    const disruptedPods = {
      a: new Date(NOW - 1000).toISOString(),
      b: new Date(NOW - DELETION_TIMEOUT_MS - 1).toISOString(),
      gone: new Date(NOW).toISOString(),
    }
    const old = budget(
      {},
      { disruptedPods, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    )
    const plan = planBudgetStatus(old, [pod('a'), pod('b'), pod('c')], { expectation, now: NOW })
    assert.deepEqual(plan.status.disruptedPods, { a: disruptedPods.a })
    assert.equal(plan.status.currentHealthy, 2)
    assert.deepEqual(
      plan.notDeleted.map(({ metadata }) => metadata.name),
      ['b'],
    )
    assert.equal(plan.recheckMs, DELETION_TIMEOUT_MS - 1000)
  })

  it('allows nothing while it expects no pods, or knows nothing', () => {
    const none = { expectedPods: 0, desiredHealthy: 0, unmanaged: [] }
    const { status } = planBudgetStatus(budget({}), [pod('a')], { expectation: none, now: NOW })
    assert.equal(status.disruptionsAllowed, 0)
    assert.equal(status.conditions?.[0]?.reason, 'InsufficientPods')
    const failed = failSafeStatus(budget({}, { ...status, disruptionsAllowed: 7 }), 'why', NOW)
    assert.equal(failed.disruptionsAllowed, 0)
    assert.equal(failed.currentHealthy, 1)
    const condition = failed.conditions?.[0]
    assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['False', 'SyncFailed', 'why'])
  })
})
