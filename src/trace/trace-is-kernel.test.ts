/** The promise of `trace`: what it predicts is what the kernel does, for clusters and questions of any kind. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../base/error.ts'
import type { SecurityGroupRule } from '../cloud/ecs/model.ts'
import { findHaproxy } from '../cloud/load-balancer/layer7/find-haproxy.ts'
import type { CloudState } from '../cloud/state/cloud-state.ts'
import type { Service, ServicePort, ServiceSpec } from '../kube/types/core.ts'
import { ConntrackSocket } from '../linux/conntrack.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { cloudFacts } from './cloud-facts.ts'
import { deriveSlices } from './derive-slices.ts'
import { POD_PORT, TraceBench } from './test-bench.ts'
import { type BalancerWords, testCloud } from './test-cloud.ts'
import { testService } from './test-world.ts'
import type { Atlas, ClusterObjects } from './world.ts'

const CLUSTERS = 100
const QUESTIONS = 10
/** Of the endpoints: who is ready, by pod. */
const PODS = [
  ['a1', 1, 'a'],
  ['b1', 1, 'b'],
  ['a2', 2, 'a'],
  ['deaf2', 2, 'b'],
  ['a3', 3, 'a'],
] as const

const noHaproxy = missingTool()

let bench: TraceBench
before(async () => {
  bench = new TraceBench()
  for (const [name, node, app] of PODS) await bench.addPod(name, node, { app })
})
after(() => bench[Symbol.asyncDispose]())

function missingTool(): string | false {
  try {
    findHaproxy()
    return false
  } catch (error) {
    if (!isFairleadError(error, 'MISSING_TOOL')) throw error
    return error.message
  }
}

interface Cluster {
  readonly services: readonly Service[]
  readonly unready: readonly string[]
  readonly terminating: readonly string[]
  readonly proxyMode: 'nftables' | 'ipvs'
  /** A node without its route to the pods of another. */
  readonly cut: readonly [1 | 2 | 3, 1 | 2 | 3] | undefined
  /** Of the load balancers of Services; undefined: the cloud has not made it. */
  readonly balancers: readonly (ListenerWords | undefined)[]
  /** Of the group that nodes are in. */
  readonly rules: readonly Partial<SecurityGroupRule>[]
  readonly ungrouped: boolean
}

type ListenerWords = Pick<BalancerWords, 'scheduler' | 'weights'> & { readonly acl: BalancerWords['acl'] | null }

const port: fc.Arbitrary<ServicePort> = fc.record({
  port: fc.constantFrom(80, 81),
  targetPort: fc.constantFrom(POD_PORT, POD_PORT, POD_PORT, 9999, 'nameless'),
  protocol: fc.constantFrom('TCP', 'TCP', 'UDP'),
})

/** One of them is a node's own. */
const EXTERNAL = ['203.0.113.100', '203.0.113.101', '192.168.0.3']

const weight = fc.constantFrom(undefined, 0, 1, 100)
const CLIENTS = ['198.51.100.0/24', '192.168.0.1/32', '203.0.113.2/32', '10.0.0.0/8'] as const
const listener: fc.Arbitrary<ListenerWords | undefined> = fc.option(
  fc.record({
    scheduler: fc.constantFrom('rr', 'wrr', 'sch', 'tch'),
    weights: fc.tuple(weight, weight, weight),
    acl: fc.option(
      fc.record({
        type: fc.constantFrom('white', 'black'),
        cidrs: fc.subarray([...CLIENTS], { minLength: 1 }),
      }),
    ),
  }),
  { freq: 6, nil: undefined },
)

/** What comes to nodes; the tunnel between them and what they send themselves is let through. */
const rule: fc.Arbitrary<Partial<SecurityGroupRule>> = fc.record({
  direction: fc.constantFrom('ingress', 'ingress', 'egress'),
  policy: fc.constantFrom('accept', 'accept', 'drop'),
  priority: fc.constantFrom(2, 3),
  protocol: fc.constantFrom('all', 'tcp', 'tcp', 'udp'),
  portRange: fc.constantFrom('-1/-1', '30000/30002', '82/82'),
  cidr: fc.constantFrom('0.0.0.0/0', ...CLIENTS),
})
const TUNNEL = { priority: 1, protocol: 'udp', portRange: '8472/8472', cidr: '192.168.0.0/24' } as const
const TUNNELS: readonly Partial<SecurityGroupRule>[] = [TUNNEL, { ...TUNNEL, direction: 'egress' }]

function service(index: number): fc.Arbitrary<Service> {
  return fc
    .record({
      type: fc.constantFrom('ClusterIP', 'ClusterIP', 'NodePort', 'LoadBalancer'),
      app: fc.constantFrom('a', 'b', 'nobody'),
      port,
      external: fc.constantFrom('Cluster', 'Local'),
      internal: fc.constantFrom('Cluster', 'Cluster', 'Local'),
      ranges: fc.option(fc.constantFrom('10.244.1.0/24', '198.51.100.0/24', '192.168.0.1/32')),
      externalIP: fc.option(fc.constantFrom(...EXTERNAL), { freq: 3 }),
      affinity: fc.constantFrom('None', 'None', 'ClientIP'),
      otherProxy: fc.boolean().map((other) => other && index === 0),
      headless: fc.nat(6).map((chance) => chance === 0),
      distribution: fc.constantFrom(undefined, undefined, 'PreferSameZone', 'PreferSameNode'),
      balancing: fc.constantFrom('round-robin', 'random', 'maglev'),
    })
    .map((words) => {
      const { type, port: own, headless } = words
      const isHeadless = headless && type === 'ClusterIP'
      const ports = [{ name: 'p', ...own, ...(type === 'ClusterIP' ? {} : { nodePort: 30_000 + index }) }]
      const spec: Partial<ServiceSpec> = {
        type,
        selector: { app: words.app },
        ports,
        sessionAffinity: words.affinity,
        internalTrafficPolicy: words.internal,
        ...(type === 'ClusterIP' ? {} : { externalTrafficPolicy: words.external }),
        ...(words.ranges === null || type !== 'LoadBalancer' ? {} : { loadBalancerSourceRanges: [words.ranges] }),
        ...(words.externalIP === null || isHeadless ? {} : { externalIPs: [words.externalIP] }),
        ...(isHeadless ? { clusterIP: 'None', clusterIPs: ['None'] } : {}),
        ...(words.distribution === undefined ? {} : { trafficDistribution: words.distribution }),
      }
      const ingress = type === 'LoadBalancer' ? { ingress: [`203.0.113.${200 + index}`] } : {}
      const labels = words.otherProxy ? { 'service.kubernetes.io/service-proxy-name': 'other' } : {}
      const made = testService({ name: `s${index}`, labels, ...ingress, ...spec }, index)
      const annotations = { 'fairlead.dev/load-balancing': words.balancing }
      return { ...made, metadata: { ...made.metadata, annotations } }
    })
}

const names = PODS.map(([name]) => name)
const node = fc.constantFrom(1 as const, 2 as const, 3 as const)
const cluster: fc.Arbitrary<Cluster> = fc
  .record({
    services: fc.tuple(...[0, 1, 2, 3, 4].map(service)),
    unready: fc.subarray(names, { maxLength: 3 }),
    terminating: fc.subarray(names, { maxLength: 2 }),
    proxyMode: fc.constantFrom('nftables', 'nftables', 'ipvs'),
    balancers: fc.tuple(listener, listener, listener, listener, listener),
    rules: fc.array(rule, { maxLength: 4 }).map((own) => [...TUNNELS, ...own]),
    ungrouped: fc.boolean(),
    cut: fc
      .option(fc.tuple(node, node), { freq: 4, nil: undefined })
      .map((cut) => (cut?.[0] === cut?.[1] ? undefined : cut)),
  })
  .map((made) => (made.proxyMode === 'ipvs' ? { ...made, services: made.services.map(withoutNodeAddress) } : made))

/** Bound as IPVS does it, a node's own address would refuse the node's other ports: no question of paths. */
function withoutNodeAddress(one: Service): Service {
  if (one.spec.externalIPs === undefined) return one
  const externalIPs = one.spec.externalIPs.filter((address) => !address.startsWith('192.'))
  return { ...one, spec: { ...one.spec, externalIPs } }
}

/** The cloud that a cluster is in: a load balancer for each Service that wants one, unless it is not made. */
function cloudOf({ services, balancers, rules, ungrouped }: Cluster): CloudState {
  const all = services.flatMap(({ metadata: { name }, spec, status }, index): BalancerWords[] => {
    const [address] = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
    const [own] = spec.ports ?? []
    const words = balancers[index]
    if (address === undefined || own === undefined || words === undefined) return []
    const { acl, ...rest } = words
    const protocol = own.protocol === 'UDP' ? 'udp' : 'tcp'
    const place = { name, address, port: own.port, protocol, nodePort: own.nodePort ?? 0 } as const
    return [{ ...place, ...rest, ...(acl === null || acl === undefined ? {} : { acl }) }]
  })
  return testCloud({ balancers: all, rules, ungrouped })
}

function objectsOf({ services, unready, terminating }: Cluster): ClusterObjects {
  const pods = bench.pods.map((pod) => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(terminating.includes(pod.metadata.name as 'a1') ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    status: {
      ...pod.status,
      conditions: [
        { type: 'Ready', status: unready.includes(pod.metadata.name as 'a1') ? ('False' as const) : ('True' as const) },
      ],
    },
  }))
  const nodes = bench.nodes
  const serviceCidrs = [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'k' },
      spec: { cidrs: ['10.96.0.0/16'] },
    },
  ]
  const slices = services.flatMap((one) => deriveSlices(one, { pods, nodes }))
  return { services, slices, pods, nodes, namespaces: [], serviceCidrs }
}

const FROM = [...names, 'node-1', 'node-2', 'node-3', 'internet'] as const

/** Addresses and ports that mean something, and some that do not. */
function targets(services: readonly Service[]): string[] {
  const protocols = services.flatMap(({ spec }) => spec.ports?.[0]?.protocol ?? [])
  const suffix = (index: number) => (protocols[index] === 'UDP' ? '/udp' : '/tcp')
  return [
    ...services.flatMap(({ spec, status }, index) => {
      const [{ port: number = 80, nodePort = 1 } = {}] = spec.ports ?? []
      const own = [
        spec.clusterIP ?? '',
        ...(spec.externalIPs ?? []),
        ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? ''),
      ]
      const nodes = ['192.168.0.1', '192.168.0.2', '203.0.113.1', '203.0.113.2', '203.0.113.3']
      return [
        ...own
          .filter((text) => text.includes('.'))
          .flatMap((text) => [`${text}:${number}${suffix(index)}`, `${text}:${number}${suffix(index)}`, `${text}:82`]),
        ...nodes.map((text) => `${text}:${nodePort}${suffix(index)}`),
      ]
    }),
    '10.96.200.1:80',
    '10.244.2.4:8080',
    '10.244.1.2:8080/udp',
    '198.51.100.2:80',
  ]
}

interface Question {
  readonly from: string
  readonly to: string
}

function question(services: readonly Service[]): fc.Arbitrary<Question> {
  return fc.record({ from: fc.constantFrom(...FROM), to: fc.constantFrom(...targets(services)) })
}

const run = cluster.chain((made) =>
  fc.record({
    made: fc.constant(made),
    questions: fc.array(question(made.services), { minLength: QUESTIONS, maxLength: QUESTIONS }),
  }),
)

/** Every question that prediction and kernel answer differently, with what is needed to ask it again. */
const disagreements: string[] = []

async function compare(atlas: Atlas, { from, to }: Question, verdicts: Map<string, number>): Promise<void> {
  const { prediction, confirmation } = await bench.ask({ from, to }, atlas)
  const { verdict, cause } = prediction
  verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  if (confirmation.kind === 'not sent' || confirmation.differences.length === 0) return
  const services = atlas.objects.services.map(({ spec, status }) => JSON.stringify({ ...spec, ...status }))
  const asked = `${from} -> ${to} (${atlas.around.proxyMode}; ${verdict}: ${cause?.sentence ?? ''}; ${confirmation.fate})`
  disagreements.push([asked, ...confirmation.differences, ...services].join('\n    '))
}

test('what is predicted is what the kernel does', async () => {
  const verdicts = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(run, async ({ made, questions }) => {
      if (made.cut !== undefined) bench.setRoute(`node-${made.cut[0]}`, made.cut[1], false)
      try {
        const cloud = cloudOf(made)
        await bench.balance(cloud)
        const atlas = bench.apply(objectsOf(made), made.proxyMode, cloudFacts(cloud))
        for (const one of questions) await compare(atlas, one, verdicts)
      } finally {
        if (made.cut !== undefined) bench.setRoute(`node-${made.cut[0]}`, made.cut[1], true)
      }
    }),
    { numRuns: CLUSTERS, endOnFailure: true },
  )
  assert.equal(disagreements.length, 0, disagreements.slice(0, 5).join('\n'))
  for (const verdict of ['reachable', 'refused', 'dropped', 'unreachable']) {
    assert.ok((verdicts.get(verdict) ?? 0) > 10, `${verdict}: ${JSON.stringify([...verdicts])}`)
  }
})

const CALLS: readonly (readonly [about: string, change: Partial<BalancerWords>, verdict: string])[] = [
  ['a listener of layer 7', {}, 'reachable'],
  ['one that lets the client in', { acl: { type: 'white', cidrs: ['198.51.100.0/24'] } }, 'reachable'],
  ['one that does not', { acl: { type: 'black', cidrs: ['198.51.100.0/24'] } }, 'refused'],
  ['one whose backends rest', { weights: [0, 0, 0] }, 'refused'],
]

test('what HAProxy takes is a connection that stands, whatever becomes of the request', {
  skip: noHaproxy,
}, async () => {
  const port = { name: 'p', port: 80, targetPort: POD_PORT, nodePort: 30_000 }
  const ingress = ['203.0.113.200']
  const web = testService({ name: 'a', type: 'LoadBalancer', ports: [port], ingress }, 0)
  const place = { name: 'a', address: '203.0.113.200', port: 80, protocol: 'http', nodePort: 30_000 } as const
  const none = { services: [web], unready: [], terminating: [], proxyMode: 'nftables', cut: undefined } as const
  for (const [about, change, verdict] of CALLS) {
    const balancers: BalancerWords[] = [{ ...place, weights: [1, 1, 1], ...change }]
    const cloud = testCloud({ balancers, ungrouped: true })
    await bench.balance(cloud)
    const objects = objectsOf({ ...none, balancers: [], rules: [], ungrouped: true })
    const atlas = bench.apply(objects, 'nftables', cloudFacts(cloud))
    const { prediction, confirmation } = await bench.ask({ from: 'internet', to: 'svc/a' }, atlas)
    assert.equal(prediction.verdict, verdict, about)
    assert.ok(confirmation.kind === 'sent')
    assert.deepEqual([confirmation.fate, confirmation.differences], ['answered', []], about)
  }
})

test('nothing traced stays: no table, no connection, no client bound to an endpoint', () => {
  for (const netns of bench.namespaces) {
    using rules = NftSocket.open(netns)
    assert.deepEqual(rules.tables('inet'), [])
    if (rules.table({ family: 'ip', table: 'fairlead' }) !== undefined) {
      assert.deepEqual(rules.elements({ family: 'ip', table: 'fairlead', name: 'affinity' }), [])
    }
    using connections = ConntrackSocket.open(netns)
    assert.deepEqual(connections.list('ip', 6), [])
    const datagrams = connections.list('ip', 17).filter(({ original }) => original.destinationPort !== 8472)
    assert.deepEqual(datagrams, [])
  }
})
