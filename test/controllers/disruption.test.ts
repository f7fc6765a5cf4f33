import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../../src/kube/api-error.ts'
import { findCondition } from '../../src/kube/conditions.ts'
import { deployments, events, podDisruptionBudgets, pods } from '../../src/kube/resource.ts'
import type { PodDisruptionBudget } from '../../src/kube/types/policy.ts'
import { startControlPlane } from './control-plane.ts'
import { barePod, deployment } from './workloads.ts'

function budget(spec: Partial<PodDisruptionBudget['spec']>): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  }
}

test('evictions leave as many pods as the budget says, and take more when new ones are ready', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(deployments, deployment(3))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 3)
  const made = await client.create(podDisruptionBudgets, budget({ minAvailable: '60%' }))
  assert.deepEqual(made.status, { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 })
  const { status } = await plane.until(podDisruptionBudgets, 'web', (each) => each.status?.disruptionsAllowed === 1)
  const { conditions, ...counts } = status ?? { conditions: [] }
  assert.deepEqual(counts, {
    observedGeneration: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    disruptionsAllowed: 1,
    expectedPods: 3,
  })
  const allowed = findCondition(conditions, 'DisruptionAllowed')
  assert.deepEqual([allowed?.status, allowed?.reason, allowed?.observedGeneration], ['True', 'SufficientPods', 1])
  const evict = (name: string) =>
    client.post(pods, { namespace: 'default', name }, 'eviction', { metadata: { name, namespace: 'default' } })
  const [first, second] = await plane.untilAll(pods, (all) => all.length === 3)
  const results = await Promise.allSettled([first, second].map((pod) => evict(pod?.metadata.name ?? '')))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 1, JSON.stringify(results))
  const { reason } = refused[0] as PromiseRejectedResult
  assert.ok(reason instanceof ApiError)
  assert.equal(reason.status.code, 429)
  assert.equal(reason.status.message, "Cannot evict pod as it would violate the pod's disruption budget.")
  assert.deepEqual(
    reason.status.details?.causes?.map((cause) => cause.reason),
    ['DisruptionBudget'],
  )
  await plane.until(deployments, 'web', (each) => each.status?.availableReplicas === 3)
  await plane.until(podDisruptionBudgets, 'web', (each) => {
    return each.status?.disruptionsAllowed === 1 && each.status.disruptedPods === undefined
  })
})

test('a budget whose pods nobody scales says so, and allows nothing', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(podDisruptionBudgets, budget({ maxUnavailable: 1 }))
  await plane.untilAll(events, (all) => all.some(({ reason }) => reason === 'NoPods'))
  await client.create(pods, barePod('alone'))
  await plane.untilAll(events, (all) => all.some(({ reason }) => reason === 'UnmanagedPods'))
  const owned = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name: 'x',
    uid: 'u',
    controller: true,
  }
  const pod = barePod('owned')
  await client.create(pods, { ...pod, metadata: { ...pod.metadata, ownerReferences: [owned] } })
  const failed = await plane.until(podDisruptionBudgets, 'web', ({ status }) =>
    Boolean(status?.conditions?.some(({ reason }) => reason === 'SyncFailed')),
  )
  const condition = findCondition(failed.status?.conditions, 'DisruptionAllowed')
  assert.equal(condition?.message, 'daemonsets.apps does not implement the scale subresource')
})
