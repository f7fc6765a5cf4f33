import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DaemonSet } from '../../kube/types/apps.ts'
import type { Node, Pod, Taint } from '../../kube/types/core.ts'
import { planDaemonSet, REVISION_LABEL } from './plan.ts'
import { daemonSetStatus } from './status.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

function daemonSet(spec: Partial<DaemonSet['spec']> = {}): DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', namespace: 'default', uid: 'ds' },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [] } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      ...spec,
    },
  }
}

function node(name: string, taints: readonly Taint[] = [], labels: Record<string, string> = {}): Node {
  const conditions = [{ type: 'Ready', status: 'True' as const }]
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: { taints }, status: { conditions } }
}

interface Shape {
  readonly revision?: string
  readonly ready?: boolean
  readonly phase?: 'Running' | 'Failed'
  readonly deleting?: boolean
}

function pod(name: string, nodeName: string, shape: Shape = {}): Pod {
  const { revision = 'new', ready = true, phase = 'Running', deleting = false } = shape
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      labels: { [REVISION_LABEL]: revision },
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers: [], nodeName },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  }
}

function plan(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]) {
  const result = planDaemonSet(set, { nodes, pods, revision: 'new', now: NOW })
  return { create: result.create, delete: result.delete.map(({ metadata }) => metadata.name) }
}

const TWO = [node('n1'), node('n2')]

test('every node that fits gets one pod, and no more', () => {
  assert.deepEqual(plan(daemonSet(), TWO, [pod('a', 'n1')]), { create: ['n2'], delete: [] })
  assert.deepEqual(plan(daemonSet(), TWO, [pod('a', 'n1'), pod('b', 'n1'), pod('c', 'n2')]).delete, ['b'])
  assert.deepEqual(plan(daemonSet(), TWO, [pod('a', 'n1'), pod('c', 'gone')]), { create: ['n2'], delete: ['c'] })
})

test('selectors and taints say which nodes fit; a pod stays until a taint drives it out', () => {
  const template = { spec: { containers: [], nodeSelector: { disk: 'ssd' } } }
  const nodes = [node('n1', [], { disk: 'ssd' }), node('n2')]
  assert.deepEqual(plan(daemonSet({ template }), nodes, [pod('b', 'n2')]), { create: ['n1'], delete: ['b'] })
  const tainted = (effect: Taint['effect']) => [node('n1', [{ key: 'own', effect }])]
  assert.deepEqual(plan(daemonSet(), tainted('NoSchedule'), []), { create: [], delete: [] })
  assert.deepEqual(plan(daemonSet(), tainted('NoSchedule'), [pod('a', 'n1')]).delete, [])
  assert.deepEqual(plan(daemonSet(), tainted('NoExecute'), [pod('a', 'n1')]).delete, ['a'])
  const cordoned = [node('n1', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }])]
  assert.deepEqual(plan(daemonSet(), cordoned, []).create, ['n1'])
})

test('pods that failed make room', () => {
  const view = { nodes: TWO, pods: [pod('a', 'n1', { phase: 'Failed' }), pod('b', 'n2')], revision: 'new', now: NOW }
  const result = planDaemonSet(daemonSet(), view)
  assert.deepEqual([result.create, result.delete.length, result.failed.length], [[], 1, 1])
})

test('a rolling update takes unavailable pods first, then as many as may be unavailable', () => {
  const old = (name: string, nodeName: string, ready = true) => pod(name, nodeName, { revision: 'old', ready })
  assert.deepEqual(plan(daemonSet(), TWO, [old('a', 'n1'), old('b', 'n2')]).delete, ['a'])
  assert.deepEqual(plan(daemonSet(), TWO, [old('a', 'n1'), old('b', 'n2', false)]).delete, ['b'])
  assert.deepEqual(plan(daemonSet(), TWO, [pod('a', 'n1', { ready: false }), old('b', 'n2')]).delete, [])
  const onDelete = daemonSet({ updateStrategy: { type: 'OnDelete' } })
  assert.deepEqual(plan(onDelete, TWO, [old('a', 'n1'), old('b', 'n2')]).delete, [])
})

test('with a surge the old pod goes when the new one is available', () => {
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } as const
  const set = daemonSet({ updateStrategy })
  const old = [pod('a', 'n1', { revision: 'old' }), pod('b', 'n2', { revision: 'old' })]
  assert.deepEqual(plan(set, TWO, old), { create: ['n1'], delete: [] })
  assert.deepEqual(plan(set, TWO, [...old, pod('c', 'n1', { ready: false })]), { create: [], delete: [] })
  assert.deepEqual(plan(set, TWO, [...old, pod('c', 'n1')]).delete, ['a'])
})

test('the status counts nodes', () => {
  const tainted = node('n3', [{ key: 'own', effect: 'NoSchedule' }])
  const pods = [pod('a', 'n1'), pod('b', 'n2', { ready: false, revision: 'old' }), pod('c', 'n3')]
  assert.deepEqual(daemonSetStatus(daemonSet(), { nodes: [...TWO, tainted], pods, revision: 'new', now: NOW }), {
    currentNumberScheduled: 2,
    numberMisscheduled: 1,
    desiredNumberScheduled: 2,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 1,
  })
})

test('property: steps lead to one pod of the present template on every node, never fewer available than allowed', () => {
  const shapes = fc.array(fc.constantFrom('none', 'old', 'old-down', 'new'), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 3 }), (given, maxUnavailable) => {
      const nodes = given.map((_, index) => node(`n${index}`))
      const set = daemonSet({
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge: 0 } },
      })
      let pods = given.flatMap((shape, index) => {
        if (shape === 'none') return []
        return [
          pod(`p${index}`, `n${index}`, { revision: shape === 'new' ? 'new' : 'old', ready: shape !== 'old-down' }),
        ]
      })
      const available = () => pods.filter(({ status }) => status?.conditions?.[0]?.status === 'True').length
      for (let step = 0; step < 40; step++) {
        const before = available()
        const steps = plan(set, nodes, pods)
        pods = pods.filter(({ metadata }) => !steps.delete.includes(metadata.name))
        assert.ok(available() >= Math.min(before, nodes.length - maxUnavailable))
        pods = [...pods, ...steps.create.map((name) => pod(`s${step}-${name}`, name))]
      }
      assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), nodes.map(({ metadata }) => metadata.name).sort())
      assert.ok(pods.every(({ metadata }) => metadata.labels?.[REVISION_LABEL] === 'new'))
    }),
  )
})
