import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { podsToDelete } from './deletion-rank.ts'
import { planReplicaSet } from './plan.ts'
import { replicaSetStatus } from './status.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

interface Shape {
  readonly node?: string
  readonly phase?: 'Pending' | 'Running' | 'Unknown' | 'Succeeded'
  /** RFC 3339 since when it is ready; `undefined` when it is not. */
  readonly readySince?: string
  readonly cost?: string
  readonly restarts?: number
  readonly created?: string
  readonly deleting?: boolean
  readonly labels?: Record<string, string>
}

function pod(name: string, shape: Shape = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      labels: shape.labels ?? { app: 'web' },
      creationTimestamp: shape.created ?? '2026-01-01T00:00:00Z',
      ...(shape.cost === undefined
        ? {}
        : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': shape.cost } }),
      ...(shape.deleting ? { deletionTimestamp: '2026-01-01T11:59:00Z' } : {}),
    },
    spec: { containers: [], ...(shape.node === undefined ? {} : { nodeName: shape.node }) },
    status: {
      phase: shape.phase ?? 'Running',
      ...(shape.readySince === undefined
        ? {}
        : { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: shape.readySince }] }),
      containerStatuses: [{ name: 'c', ready: true, restartCount: shape.restarts ?? 0, image: '', imageID: '' }],
    },
  }
}

const ready = (shape: Shape = {}): Shape => ({ node: 'n1', readySince: '2026-01-01T06:00:00Z', ...shape })

const RANKS: readonly { readonly what: string; readonly first: Shape; readonly last: Shape }[] = [
  { what: 'unscheduled before scheduled', first: { phase: 'Pending' }, last: { phase: 'Pending', node: 'n1' } },
  { what: 'pending before unknown', first: { node: 'n1', phase: 'Pending' }, last: { node: 'n1', phase: 'Unknown' } },
  { what: 'unknown before running', first: { node: 'n1', phase: 'Unknown' }, last: { node: 'n1' } },
  { what: 'not ready before ready', first: { node: 'n1' }, last: ready() },
  { what: 'cheaper before dearer', first: ready({ cost: '-5' }), last: ready() },
  { what: 'a malformed cost counts as 0', first: ready({ cost: '-1' }), last: ready({ cost: '+9e3' }) },
  {
    what: 'ready for minutes before ready for hours',
    first: ready({ readySince: '2026-01-01T11:58:00Z' }),
    last: ready(),
  },
  { what: 'restarted more often first', first: ready({ restarts: 3 }), last: ready({ restarts: 1 }) },
  { what: 'younger first', first: ready({ created: '2026-01-01T11:00:00Z' }), last: ready() },
]

for (const { what, first, last } of RANKS) {
  test(`deletion order: ${what}`, () => {
    const pods = [pod('last', last), pod('first', first)]
    const context = { related: [], now: NOW }
    assert.deepEqual(
      podsToDelete(pods, 1, context).map(({ metadata }) => metadata.name),
      ['first'],
    )
    assert.deepEqual(
      podsToDelete([...pods].reverse(), 1, context).map(({ metadata }) => metadata.name),
      ['first'],
    )
  })
}

test('deletion order: doubled up on a node goes first, other ReplicaSets of the Deployment counted', () => {
  const pods = [pod('alone', ready({ node: 'n1' })), pod('crowded', ready({ node: 'n2' }))]
  const related = [...pods, pod('sibling', ready({ node: 'n2' }))]
  assert.equal(podsToDelete(pods, 1, { related, now: NOW })[0]?.metadata.name, 'crowded')
})

function replicaSet(replicas: number, spec: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', uid: 'rs', generation: 3 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { containers: [] } },
      ...spec,
    },
  }
}

test('pods that end or are being deleted are replaced', () => {
  const pods = [pod('a', ready()), pod('b', { deleting: true }), pod('c', { phase: 'Succeeded' })]
  assert.equal(planReplicaSet(replicaSet(3), pods, { related: pods, now: NOW }).create, 2)
})

test('a ReplicaSet that is being deleted does nothing', () => {
  const leaving = { ...replicaSet(3), metadata: { name: 'web', deletionTimestamp: 'now' } }
  const plan = planReplicaSet(leaving, [], { related: [], now: NOW })
  assert.deepEqual([plan.create, plan.delete], [0, []])
})

test('minReadySeconds: looked at again when the next pod becomes available', () => {
  const pods = [pod('a', ready({ readySince: '2026-01-01T11:59:55Z' })), pod('b', ready())]
  const set = replicaSet(2, { minReadySeconds: 20 })
  assert.equal(planReplicaSet(set, pods, { related: pods, now: NOW }).recheckIn, 15_000)
  const status = replicaSetStatus(set, pods, { failure: undefined, now: NOW })
  assert.deepEqual([status.readyReplicas, status.availableReplicas], [2, 1])
})

test('status counts active pods, and those with all labels of the template', () => {
  const full = { app: 'web', tier: 'front' }
  const pods = [
    pod('a', ready({ labels: full })),
    pod('b'),
    pod('c', { deleting: true }),
    pod('d', { phase: 'Succeeded' }),
  ]
  assert.deepEqual(replicaSetStatus(replicaSet(2), pods, { failure: undefined, now: NOW }), {
    replicas: 2,
    fullyLabeledReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    observedGeneration: 3,
  })
})

test('a failure to create is a condition, and goes away with it', () => {
  const failure = { reason: 'FailedCreate', message: 'quota' } as const
  const status = replicaSetStatus(replicaSet(1), [], { failure, now: NOW })
  assert.equal(status.conditions?.[0]?.reason, 'FailedCreate')
  const later = replicaSetStatus({ ...replicaSet(1), status }, [], { failure: undefined, now: NOW })
  assert.equal(later.conditions, undefined)
})

test('property: one step leads to the wanted number of active pods', () => {
  const shape = fc.record({
    phase: fc.constantFrom('Pending' as const, 'Running' as const, 'Succeeded' as const),
    deleting: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 12 }), fc.nat(12), (shapes, replicas) => {
      const pods = shapes.map((each, index) => pod(`p${index}`, each))
      const plan = planReplicaSet(replicaSet(replicas), pods, { related: pods, now: NOW })
      const active = shapes.filter(({ phase, deleting }) => phase !== 'Succeeded' && !deleting).length
      assert.equal(active + plan.create - plan.delete.length, replicas)
      assert.ok(plan.create === 0 || plan.delete.length === 0)
    }),
  )
})
