import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Node, Pod, Service, Taint } from '../../kube/types/core.ts'
import type { NodeSelectorTerm, TopologySpreadConstraint } from '../../kube/types/scheduling.ts'
import { tolerates } from '../taints.ts'
import { ClusterState } from './cluster-state.ts'
import { type Decision, decide } from './decide.ts'
import { affinityRules } from './pod-affinity.ts'
import { needsOf } from './pod-needs.ts'
import { spreadRules } from './topology-spread.ts'

interface NodeShape {
  readonly ready?: 'True' | 'False' | 'Unknown' | 'none'
  readonly labels?: Record<string, string>
  readonly taints?: readonly Taint[]
  readonly unschedulable?: boolean
  readonly allocatable?: Record<string, string>
}

function node(name: string, shape: NodeShape = {}): Node {
  const {
    ready = 'True',
    labels = {},
    taints = [],
    unschedulable,
    allocatable = { pods: '110', cpu: '4', memory: '8Gi' },
  } = shape
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { taints, ...(unschedulable === undefined ? {} : { unschedulable }) },
    status: { allocatable, conditions: ready === 'none' ? [] : [{ type: 'Ready', status: ready }] },
  }
}

function pod(name: string, spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name, namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  }
}

function requesting(name: string, requests: Record<string, string>, node?: string): Pod {
  const spec = { containers: [{ name: 'c', image: 'i', resources: { requests } }] }
  return pod(name, node === undefined ? spec : { ...spec, nodeName: node })
}

function place(
  nodes: readonly Node[],
  newcomer: Pod,
  present: readonly Pod[] = [],
  services: readonly Service[] = [],
): Decision {
  const state = new ClusterState()
  for (const each of nodes) state.setNode(each)
  for (const each of present) state.setPod(each)
  return choose(state, newcomer, services)
}

function choose(state: ClusterState, newcomer: Pod, services: readonly Service[] = []): Decision {
  const placed = state.placed()
  const labelsOf = (name: string) => ({ 'kubernetes.io/metadata.name': name })
  const affinity = affinityRules(newcomer, placed, labelsOf)
  const spread = spreadRules(newcomer, state.nodes, placed)
  return decide(needsOf(newcomer), state.candidates(newcomer, services), { affinity, spread })
}

const reason = (decision: Decision) => (decision.type === 'unschedulable' ? decision.message : `on ${decision.name}`)

const dedicated: Taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' }
const hostPort = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] }

const REFUSALS: readonly {
  readonly what: string
  readonly node: NodeShape
  readonly pod?: Pod
  readonly present?: readonly Pod[]
  readonly expect: string
}[] = [
  { what: 'cordoned', node: { unschedulable: true }, expect: '1 node(s) were unschedulable' },
  { what: 'tainted', node: { taints: [dedicated] }, expect: '1 node(s) had untolerated taint {dedicated: db}' },
  {
    what: 'not ready',
    node: { ready: 'False' },
    expect: '1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }',
  },
  { what: 'new', node: { ready: 'none' }, expect: '1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }' },
  {
    what: 'silent',
    node: { ready: 'Unknown' },
    expect: '1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }',
  },
  {
    what: 'of other labels',
    node: {},
    pod: pod('p', { nodeSelector: { disk: 'ssd' } }),
    expect: "1 node(s) didn't match Pod's node affinity/selector",
  },
  {
    what: 'whose host port is taken',
    node: {},
    pod: pod('p', hostPort),
    present: [pod('q', { ...hostPort, nodeName: 'n1' })],
    expect: "1 node(s) didn't have free ports for the requested pod ports",
  },
  {
    what: 'full of pods',
    node: { allocatable: { pods: '1' } },
    present: [pod('q', { nodeName: 'n1' })],
    expect: '1 Too many pods',
  },
  {
    what: 'short of CPU and memory',
    node: {},
    pod: requesting('p', { cpu: '1500m', memory: '6Gi' }),
    present: [requesting('q', { cpu: '3', memory: '3Gi' }, 'n1')],
    expect: '1 Insufficient cpu, 1 Insufficient memory',
  },
]

for (const { what, node: shape, pod: newcomer = pod('p'), present = [], expect } of REFUSALS) {
  test(`a node that is ${what} is refused`, () => {
    assert.equal(reason(place([node('n1', shape)], newcomer, present)), `0/1 nodes are available: ${expect}.`)
  })
}

test('reasons are counted and sorted; without nodes there is another text', () => {
  const nodes = [
    node('a', { unschedulable: true }),
    node('b', { taints: [dedicated] }),
    node('c', { unschedulable: true }),
  ]
  assert.equal(
    reason(place(nodes, pod('p'))),
    '0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: db}, 2 node(s) were unschedulable.',
  )
  assert.equal(reason(place([], pod('p'))), 'no nodes available to schedule pods')
})

test('tolerations: by key, value, effect, existence, everything', () => {
  const cases = [
    [{ key: 'dedicated', operator: 'Equal', value: 'db' }, true],
    [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }, true],
    [{ key: 'dedicated', value: 'web' }, false],
    [{ key: 'dedicated', operator: 'Exists' }, true],
    [{ key: 'dedicated', operator: 'Exists', effect: 'NoExecute' }, false],
    [{ operator: 'Exists' }, true],
    [{ key: 'other', operator: 'Exists' }, false],
  ] as const
  for (const [toleration, expected] of cases) assert.equal(tolerates(toleration, dedicated), expected)
  const anywhere = pod('p', { tolerations: [{ operator: 'Exists' }] })
  assert.equal(
    reason(place([node('n1', { ready: 'False', unschedulable: true, taints: [dedicated] })], anywhere)),
    'on n1',
  )
})

const ofSet = (uid: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true }],
})

test('spread: first by owner, then by Service, then by number of pods, soft taints before all', () => {
  const nodes = [node('a'), node('b')]
  const present = [pod('x', { nodeName: 'a' }, ofSet('rs')), pod('y', { nodeName: 'b' }), pod('z', { nodeName: 'b' })]
  assert.equal(reason(place(nodes, pod('p', {}, ofSet('rs')), present)), 'on b')
  assert.equal(reason(place(nodes, pod('p'), present)), 'on a')
  const web: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' } },
  }
  const labels = { labels: { app: 'web' } }
  const served = [pod('x', { nodeName: 'a' }, labels), pod('y', { nodeName: 'b' }), pod('z', { nodeName: 'b' })]
  assert.equal(reason(place(nodes, pod('p', {}, labels), served, [web])), 'on b')
  const soft = [node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), node('b')]
  assert.equal(reason(place(soft, pod('p'), [pod('y', { nodeName: 'b' })])), 'on b')
})

test('a pod that ended takes no room; a terminating one does', () => {
  const state = new ClusterState()
  state.setNode(node('n1', { allocatable: { pods: '1' } }))
  const fits = () => choose(state, pod('p')).type === 'node'
  state.setPod(pod('q', { nodeName: 'n1' }, { deletionTimestamp: 'now' }))
  assert.ok(!fits())
  state.setPod({ ...pod('q', { nodeName: 'n1' }), status: { phase: 'Succeeded' } })
  assert.ok(fits())
})

test('an assumed pod keeps its place until the watch shows it, or it is forgotten', () => {
  const state = new ClusterState()
  state.setNode(node('n1', { allocatable: { pods: '1' } }))
  const first = pod('first')
  const load = () => state.candidates(pod('p'), [])[0]?.pods
  state.assume(first, 'n1')
  state.setPod(first)
  assert.equal(load(), 1, 'the watch shows it without a node still')
  state.setPod(pod('first', { nodeName: 'n1' }))
  assert.equal(load(), 1)
  state.removePod('first')
  assert.equal(load(), 0)
  state.assume(first, 'n1')
  state.forget(first)
  assert.equal(load(), 0)
})

test('property: a burst of equal pods is spread evenly before the watch shows any of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(30), (nodeCount, podCount) => {
      const state = new ClusterState()
      for (let index = 0; index < nodeCount; index++) state.setNode(node(`n${index}`))
      const loads = new Map<string, number>()
      for (let index = 0; index < podCount; index++) {
        const newcomer = pod(`p${index}`, {}, ofSet('rs'))
        const decision = choose(state, newcomer)
        assert.equal(decision.type, 'node')
        if (decision.type !== 'node') return
        state.assume(newcomer, decision.name)
        loads.set(decision.name, (loads.get(decision.name) ?? 0) + 1)
      }
      const counts = Array.from({ length: nodeCount }, (_, index) => loads.get(`n${index}`) ?? 0)
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
    }),
  )
})

const zoned = (name: string, zone: string, more: Record<string, string> = {}) =>
  node(name, { labels: { zone, 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone, ...more } })
const app = (name: string, label: string, spec: Partial<Pod['spec']> = {}) =>
  pod(name, spec, { labels: { app: label } })
const term = (label: string, topologyKey = 'zone') => ({ labelSelector: { matchLabels: { app: label } }, topologyKey })

test('node affinity: terms are alternatives, expressions hold together, preferences weigh', () => {
  const nodes = [zoned('a', 'z1', { cores: '4' }), zoned('b', 'z2', { cores: '16' })]
  const requiring = (...nodeSelectorTerms: readonly NodeSelectorTerm[]) =>
    pod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } })
  const cases: readonly (readonly [readonly NodeSelectorTerm[], string])[] = [
    [[{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['z2', 'z3'] }] }], 'on b'],
    [[{ matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['8'] }] }], 'on b'],
    [[{ matchExpressions: [{ key: 'cores', operator: 'Lt', values: ['8'] }] }], 'on a'],
    [[{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }], 'on b'],
    [
      [
        { matchExpressions: [{ key: 'gone', operator: 'Exists' }] },
        {
          matchExpressions: [
            { key: 'zone', operator: 'Exists' },
            { key: 'zone', operator: 'NotIn', values: ['z1'] },
          ],
        },
      ],
      'on b',
    ],
    [[{}], "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."],
  ]
  for (const [terms, expected] of cases) assert.equal(reason(place(nodes, requiring(...terms))), expected)
  const preference = { matchExpressions: [{ key: 'zone', operator: 'In' as const, values: ['z2'] }] }
  const preferring = pod('p', {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] } },
  })
  assert.equal(reason(place(nodes, preferring, [pod('q', { nodeName: 'b' })])), 'on b')
})

test('pod affinity: near those it names; the first of its kind goes anywhere', () => {
  const nodes = [zoned('a', 'z1'), zoned('b', 'z2'), zoned('c', 'z2')]
  const near = (label: string, name = 'p') =>
    app(name, 'web', { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(label)] } } })
  assert.equal(reason(place(nodes, near('db'), [app('q', 'db', { nodeName: 'b' })])), 'on c')
  assert.equal(reason(place(nodes, near('db'))), "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.")
  assert.equal(reason(place(nodes, near('web'))), 'on a')
  assert.equal(reason(place(nodes, near('web'), [app('q', 'web', { nodeName: 'b' })])), 'on c')
})

test('pod anti-affinity holds in both directions, in the namespaces it names', () => {
  const nodes = [zoned('a', 'z1'), zoned('b', 'z2')]
  const apart = (name: string, label: string, spec: Partial<Pod['spec']> = {}) =>
    app(name, label, {
      ...spec,
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('web')] } },
    })
  assert.equal(reason(place(nodes, apart('p', 'web'), [app('q', 'web', { nodeName: 'a' })])), 'on b')
  assert.equal(reason(place(nodes, app('p', 'web'), [apart('q', 'db', { nodeName: 'a' })])), 'on b')
  const both = [app('q', 'web', { nodeName: 'a' }), apart('r', 'db', { nodeName: 'b' })]
  assert.equal(
    reason(place(nodes, apart('p', 'web'), both)),
    "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  )
  const elsewhere = pod('q', { nodeName: 'a' }, { namespace: 'other', labels: { app: 'web' } })
  assert.equal(reason(place(nodes, apart('p', 'web'), [elsewhere])), 'on b', 'fewest pods, not affinity')
  const everywhere = { ...term('web'), namespaceSelector: {} }
  const shy = app('p', 'web', {
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [everywhere] } },
  })
  const crowded = [elsewhere, pod('x', { nodeName: 'b' }), pod('y', { nodeName: 'b' })]
  assert.equal(reason(place(nodes, shy, crowded)), 'on b')
})

test('spread constraints: hard ones refuse, a missing label too, minDomains counts absent domains as empty', () => {
  const nodes = [zoned('a', 'z1'), zoned('b', 'z2'), node('c')]
  const spread = (more: Partial<TopologySpreadConstraint> = {}) =>
    app('p', 'web', {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'web' } },
          ...more,
        },
      ],
    })
  const one = [app('q', 'web', { nodeName: 'a' })]
  assert.equal(reason(place(nodes, spread(), one)), 'on b')
  const balanced = [...one, app('r', 'web', { nodeName: 'b' })]
  assert.equal(
    reason(place(nodes, spread({ minDomains: 3 }), balanced)),
    "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label), 2 node(s) didn't match pod topology spread constraints.",
  )
  assert.equal(reason(place(nodes, spread(), balanced)), 'on a')
  const soft = spread({ whenUnsatisfiable: 'ScheduleAnyway' })
  assert.equal(reason(place(nodes, soft, [...one, pod('x', { nodeName: 'b' }), pod('y', { nodeName: 'b' })])), 'on b')
})

test('property: a burst under a hard spread constraint never exceeds its skew', () => {
  const zones = fc.array(fc.constantFrom('z1', 'z2', 'z3'), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(zones, fc.nat(20), fc.integer({ min: 1, max: 3 }), (places, podCount, maxSkew) => {
      const state = new ClusterState()
      for (const [index, zone] of places.entries()) state.setNode(zoned(`n${index}`, zone))
      const counts = new Map(places.map((zone) => [zone, 0]))
      for (let index = 0; index < podCount; index++) {
        const labelSelector = { matchLabels: { app: 'web' } }
        const constraint = { maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector } as const
        const newcomer = app(`p${index}`, 'web', { topologySpreadConstraints: [constraint] })
        const decision = choose(state, newcomer)
        assert.equal(decision.type, 'node')
        if (decision.type !== 'node') return
        state.assume(newcomer, decision.name)
        const zone = places[Number(decision.name.slice(1))]!
        counts.set(zone, (counts.get(zone) ?? 0) + 1)
        assert.ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= maxSkew)
      }
    }),
  )
})

test('what a pod needs while its init containers run', () => {
  const container = (name: string, cpu: string, restartPolicy?: 'Always') => ({
    name,
    image: 'i',
    resources: { requests: { cpu } },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  })
  const newcomer = pod('p', {
    initContainers: [container('early', '2'), container('side', '1', 'Always'), container('late', '1500m')],
    containers: [container('c', '1')],
  })
  assert.equal(needsOf(newcomer).requests.cpu, 2500)
})
