import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestBench, type TestBench } from '../test-bench.ts'

const PODS = '/api/v1/namespaces/default/pods'
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets'
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
const MERGE = 'application/merge-patch+json'

describe('an eviction', () => {
  let bench: TestBench
  before(async () => {
    bench = await openTestBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  async function pod(phase: string, ready: boolean): Promise<void> {
    const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i:1' }] }
    const made = await bench.call('POST', PODS, { metadata: { name: 'p', labels: { a: 'b' } }, spec })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }]
    await bench.call('PATCH', `${PODS}/p/status`, { status: { phase, conditions } }, MERGE)
  }

  async function budget(status: object | undefined, spec: object = {}, name = 'web'): Promise<void> {
    const selector = { matchLabels: { a: 'b' } }
    await bench.call('POST', BUDGETS, { metadata: { name }, spec: { selector, minAvailable: 1, ...spec } })
    if (status === undefined) return
    const counts = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 }
    const whole = { status: { observedGeneration: 1, ...counts, ...status } }
    const written = await bench.call('PATCH', `${BUDGETS}/${name}/status`, whole, MERGE)
    assert.equal(written.status, 200, JSON.stringify(written.body))
  }

  async function clear(): Promise<void> {
    await bench.call('DELETE', `${PODS}/p?gracePeriodSeconds=0`)
    for (const name of ['web', 'more']) await bench.call('DELETE', `${BUDGETS}/${name}`)
  }

  const evict = (extra: object = {}, query = '') =>
    bench.call('POST', `${PODS}/p/eviction${query}`, { metadata: { name: 'p' }, ...extra })

  const refusals: readonly (readonly [string, object | undefined, string, number | undefined])[] = [
    ['not looked at yet', undefined, 'The disruption budget web is still being processed by the server.', 10],
    ['spent', {}, 'The disruption budget web needs 1 healthy pods and has 1 currently', undefined],
    [
      'that failed',
      { conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: 'no' }] },
      'The disruption budget web does not allow evicting pods currently because it failed sync: no',
      undefined,
    ],
    [
      'that has enough, and says no',
      {
        currentHealthy: 5,
        conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: 'x' }],
      },
      'The disruption budget web does not allow evicting pods currently (InsufficientPods): x',
      undefined,
    ],
    [
      'that has enough, and says nothing',
      { currentHealthy: 5 },
      'The disruption budget web does not allow evicting pods currently',
      undefined,
    ],
  ]
  for (const [name, status, why, retryAfterSeconds] of refusals) {
    it(`is refused by a budget ${name}`, async () => {
      await pod('Running', true)
      await budget(status)
      const answer = await evict()
      assert.equal(answer.status, 429)
      assert.deepEqual([answer.body.reason, answer.body.message], ['TooManyRequests', VIOLATES])
      assert.deepEqual(answer.body.details.causes, [{ reason: 'DisruptionBudget', message: why }])
      assert.equal(answer.body.details.retryAfterSeconds, retryAfterSeconds)
      assert.equal((await bench.call('GET', `${PODS}/p`)).body.metadata.deletionTimestamp, undefined)
      await clear()
    })
  }

  it('spends the budget, marks the pod and deletes it', async () => {
    await pod('Running', true)
    await budget({ disruptionsAllowed: 1, currentHealthy: 2 })
    assert.equal((await evict({}, '?dryRun=All')).status, 201)
    assert.equal((await evict({ deleteOptions: { dryRun: ['All'] } })).status, 201)
    assert.equal((await bench.call('GET', `${BUDGETS}/web`)).body.status.disruptionsAllowed, 1)
    assert.equal((await evict()).status, 201)
    const { status } = (await bench.call('GET', `${BUDGETS}/web`)).body
    assert.deepEqual([status.disruptionsAllowed, Object.keys(status.disruptedPods)], [0, ['p']])
    const going = (await bench.call('GET', `${PODS}/p`)).body
    assert.ok(going.metadata.deletionTimestamp)
    const condition = going.status.conditions.find(({ type }: { type: string }) => type === 'DisruptionTarget')
    assert.deepEqual(
      [condition.status, condition.reason, condition.message],
      ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting'],
    )
    assert.equal((await evict()).status, 201, 'a pod that goes may be evicted again')
    await clear()
  })

  it('of a pod that is ready needs a budget, of one that is not depends on the policy', async () => {
    const unready: readonly (readonly [object, object, number])[] = [
      [{ currentHealthy: 0 }, {}, 429],
      [{ currentHealthy: 1 }, {}, 201],
      [{ currentHealthy: 0 }, { unhealthyPodEvictionPolicy: 'IfHealthyBudget' }, 429],
      [{ currentHealthy: 0 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, 201],
    ]
    for (const [status, spec, expected] of unready) {
      await pod('Running', false)
      await budget(status, spec)
      assert.equal((await evict()).status, expected, JSON.stringify([status, spec]))
      await clear()
    }
  })

  it('of a pod that has ended or not begun asks no budget', async () => {
    for (const phase of ['Pending', 'Succeeded', 'Failed']) {
      await pod(phase, false)
      await budget(undefined)
      assert.equal((await evict()).status, 201, phase)
      await clear()
    }
  })

  it('is not supported under two budgets', async () => {
    await pod('Running', true)
    await budget({ disruptionsAllowed: 1 })
    await budget({ disruptionsAllowed: 1 }, {}, 'more')
    const answer = await evict()
    assert.equal(answer.status, 500)
    assert.equal(
      answer.body.message,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    )
    await clear()
  })

  it('names the pod that its address names, and heeds preconditions', async () => {
    await pod('Running', true)
    const other = await bench.call('POST', `${PODS}/p/eviction`, { metadata: { name: 'q' } })
    assert.deepEqual([other.status, other.body.message], [400, 'name in URL does not match name in Eviction object'])
    const stale = await evict({ deleteOptions: { preconditions: { uid: 'x' } } })
    assert.equal(stale.status, 409)
    assert.equal((await bench.call('GET', `${PODS}/p`)).body.status.conditions.length, 1)
    await clear()
  })
})
