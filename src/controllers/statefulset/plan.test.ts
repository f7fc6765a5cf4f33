import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { ordinalOf, revisionOf, statefulPod, versionFor } from './identity.ts'
import { planStatefulSet } from './plan.ts'
import { statefulSetStatus } from './status.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

function statefulSet(replicas: number, spec: Partial<StatefulSet['spec']> = {}): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'default', uid: 'ss', generation: 1 },
    spec: {
      replicas,
      serviceName: 'web-headless',
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
      ...spec,
    },
  }
}

type State = 'ready' | 'unready' | 'deleting' | 'failed'

function pod(
  set: StatefulSet,
  ordinal: number,
  { state = 'ready', revision = revisionOf(set) }: { state?: State; revision?: string } = {},
): Pod {
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'ss', controller: true }
  const made = statefulPod(set, ordinal, { owner, revision })
  return {
    ...made,
    metadata: {
      ...made.metadata,
      uid: `uid-${ordinal}`,
      ...(state === 'deleting' ? { deletionTimestamp: 'now' } : {}),
    },
    status: {
      phase: state === 'failed' ? 'Failed' : 'Running',
      conditions: [{ type: 'Ready', status: state === 'ready' || state === 'deleting' ? 'True' : 'False' }],
    },
  }
}

function steps(set: StatefulSet, pods: readonly Pod[]): readonly string[] {
  const { actions } = planStatefulSet(set, pods, { revision: revisionOf(set), now: NOW })
  return actions.map((action) =>
    action.type === 'create' ? `create ${action.ordinal}` : `delete ${ordinalOf(set, action.pod)}`,
  )
}

test('a pod has its name, index and revision as labels, and a name in DNS', () => {
  const made = pod(statefulSet(1), 0)
  assert.equal(made.metadata.name, 'web-0')
  assert.equal(made.metadata.labels?.['statefulset.kubernetes.io/pod-name'], 'web-0')
  assert.equal(made.metadata.labels?.['apps.kubernetes.io/pod-index'], '0')
  assert.equal(made.metadata.labels?.['controller-revision-hash'], revisionOf(statefulSet(1)))
  assert.deepEqual([made.spec.hostname, made.spec.subdomain], ['web-0', 'web-headless'])
})

test('ordinals are read from names of its own only', () => {
  const set = statefulSet(1)
  const named = (name: string) => ({ ...pod(set, 0), metadata: { name } })
  assert.equal(ordinalOf(set, named('web-12')), 12)
  for (const name of ['web-', 'web-01', 'web-a', 'webs-1', 'web-1-2'])
    assert.equal(ordinalOf(set, named(name)), undefined)
})

test('OrderedReady: one pod at a time, each after the one before it is ready', () => {
  const set = statefulSet(3)
  assert.deepEqual(steps(set, []), ['create 0'])
  assert.deepEqual(steps(set, [pod(set, 0, { state: 'unready' })]), [])
  assert.deepEqual(steps(set, [pod(set, 0)]), ['create 1'])
  assert.deepEqual(steps(set, [pod(set, 0), pod(set, 2)]), ['create 1'])
})

test('OrderedReady: scales down from the highest, one at a time', () => {
  const set = statefulSet(1)
  assert.deepEqual(steps(set, [pod(set, 0), pod(set, 1), pod(set, 2)]), ['delete 2'])
  assert.deepEqual(steps(set, [pod(set, 0), pod(set, 1), pod(set, 2, { state: 'deleting' })]), [])
  assert.deepEqual(steps(set, [pod(set, 0), pod(set, 1)]), ['delete 1'])
})

test('a pod that failed is replaced', () => {
  const set = statefulSet(2)
  assert.deepEqual(steps(set, [pod(set, 0), pod(set, 1, { state: 'failed' })]), ['delete 1'])
})

test('Parallel: all at once, in both directions', () => {
  const set = statefulSet(3, { podManagementPolicy: 'Parallel' })
  assert.deepEqual(steps(set, []), ['create 0', 'create 1', 'create 2'])
  const smaller = statefulSet(1, { podManagementPolicy: 'Parallel' })
  assert.deepEqual(
    steps(
      smaller,
      [0, 1, 2].map((ordinal) => pod(smaller, ordinal, { state: 'unready' })),
    ),
    ['delete 2', 'delete 1'],
  )
})

test('start ordinal', () => {
  const set = statefulSet(2, { ordinals: { start: 5 }, podManagementPolicy: 'Parallel' })
  assert.deepEqual(steps(set, [pod(set, 0)]), ['create 5', 'create 6', 'delete 0'])
})

test('rolling update: from the highest down to the partition, one at a time', () => {
  const set = statefulSet(3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } })
  const old = { revision: 'web-old' }
  assert.deepEqual(steps(set, [pod(set, 0, old), pod(set, 1, old), pod(set, 2, old)]), ['delete 2'])
  assert.deepEqual(steps(set, [pod(set, 0, old), pod(set, 1, old), pod(set, 2)]), ['delete 1'])
  assert.deepEqual(steps(set, [pod(set, 0, old), pod(set, 1), pod(set, 2)]), [])
})

test('the partition is counted from the start ordinal', () => {
  const updateStrategy = { type: 'RollingUpdate' as const, rollingUpdate: { partition: 1 } }
  const set = statefulSet(2, { ordinals: { start: 5 }, updateStrategy })
  const old = { revision: 'web-old' }
  assert.deepEqual(steps(set, [pod(set, 5, old), pod(set, 6, old)]), ['delete 6'])
  assert.deepEqual(steps(set, [pod(set, 5, old), pod(set, 6)]), [])
})

test('maxUnavailable: so many at a time, those that are away counted', () => {
  const rolling = (maxUnavailable: number | string) =>
    statefulSet(4, {
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
    })
  const old = { revision: 'web-old' }
  const all = (set: StatefulSet) => [0, 1, 2, 3].map((ordinal) => pod(set, ordinal, old))
  assert.deepEqual(steps(rolling(2), all(rolling(2))), ['delete 3', 'delete 2'])
  assert.deepEqual(steps(rolling('74%'), all(rolling('74%'))), ['delete 3', 'delete 2'])
  assert.deepEqual(steps(rolling('1%'), all(rolling('1%'))), ['delete 3'])
  const [zero, one, two] = all(rolling(2))
  assert.deepEqual(steps(rolling(2), [zero!, one!, two!, pod(rolling(2), 3, { state: 'unready' })]), ['delete 2'])
})

test('a pod below the partition comes back as it was, others as the template is now', () => {
  const updateStrategy = { type: 'RollingUpdate' as const, rollingUpdate: { partition: 1 } }
  const set = { ...statefulSet(3, { updateStrategy }), status: { replicas: 3, currentReplicas: 2 } }
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v0' }] } }
  const current = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { name: 'web-old' },
    revision: 1,
    data: { spec: { template: { ...template, $patch: 'replace' } } },
  }
  assert.deepEqual(versionFor(set, 0, current), { template, revision: 'web-old' })
  assert.equal(versionFor(set, 1, current).revision, revisionOf(set))
  assert.equal(versionFor(set, 0, undefined).revision, revisionOf(set))
  const plain = { ...statefulSet(3), status: { replicas: 3, currentReplicas: 2 } }
  assert.deepEqual(
    [0, 1, 2].map((ordinal) => versionFor(plain, ordinal, current).revision),
    ['web-old', 'web-old', revisionOf(plain)],
  )
})

test('OnDelete replaces nothing by itself', () => {
  const set = statefulSet(1, { updateStrategy: { type: 'OnDelete' } })
  assert.deepEqual(steps(set, [pod(set, 0, { revision: 'web-old' })]), [])
})

test('status: the update revision becomes the current one when every pod has it', () => {
  const set = { ...statefulSet(2), status: { replicas: 2, currentRevision: 'web-old' } }
  const revision = revisionOf(set)
  const half = [pod(set, 0, { revision: 'web-old' }), pod(set, 1)]
  const before = statefulSetStatus(set, half, { revision, now: NOW })
  assert.deepEqual(
    [before.currentRevision, before.currentReplicas, before.updatedReplicas, before.updateRevision],
    ['web-old', 1, 1, revision],
  )
  const after = statefulSetStatus(set, [pod(set, 0), pod(set, 1)], { revision, now: NOW })
  assert.deepEqual([after.currentRevision, after.currentReplicas, after.readyReplicas], [revision, 2, 2])
})

test('property: ordered steps lead to exactly the wanted pods, never more than one step at a time', () => {
  const state = fc.constantFrom<State>('ready', 'failed')
  fc.assert(
    fc.property(fc.dictionary(fc.integer({ min: 0, max: 8 }).map(String), state), fc.nat(6), (present, replicas) => {
      const set = statefulSet(replicas)
      const pods = new Map(
        Object.entries(present).map(([ordinal, each]) => [Number(ordinal), pod(set, Number(ordinal), { state: each })]),
      )
      for (let round = 0; round < 60; round++) {
        const { actions } = planStatefulSet(set, [...pods.values()], { revision: revisionOf(set), now: NOW })
        assert.ok(actions.length <= 1)
        const [action] = actions
        if (action?.type === 'create') pods.set(action.ordinal, pod(set, action.ordinal))
        if (action?.type === 'delete') pods.delete(ordinalOf(set, action.pod)!)
      }
      assert.deepEqual(
        [...pods.keys()].sort(),
        Array.from({ length: replicas }, (_, index) => index),
      )
    }),
  )
})
