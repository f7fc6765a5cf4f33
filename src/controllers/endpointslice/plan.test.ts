import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SERVICE_NAME_LABEL, TRIGGER_TIME_ANNOTATION } from '../../kube/endpoint-slice.ts'
import type { Node, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { desiredEndpoints } from './desired.ts'
import { endpointKey } from './pack.ts'
import { planSlices, type SlicePlan, withTriggerTime } from './plan.ts'
import { CONTROLLER_NAME, MANAGED_BY_LABEL } from './slice.ts'

const baseService: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'svc-1', labels: { app: 'web' } },
  spec: {
    clusterIP: '10.96.0.20',
    selector: { app: 'web' },
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
  },
}

function service(spec: Partial<Service['spec']> = {}, metadata: Partial<Service['metadata']> = {}): Service {
  return { ...baseService, metadata: { ...baseService.metadata, ...metadata }, spec: { ...baseService.spec, ...spec } }
}

interface PodShape {
  readonly ready?: boolean
  readonly deleting?: boolean
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly ips?: readonly string[]
  readonly node?: string
  readonly spec?: Partial<Pod['spec']>
  readonly httpPort?: number
}

function pod(name: string, shape: PodShape = {}): Pod {
  const ips = shape.ips ?? ['10.244.0.5']
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels: { app: 'web' },
      ...(shape.deleting ? { deletionTimestamp: '2026-01-01T00:00:10Z' } : {}),
    },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'nginx',
          ports: [{ name: 'http', containerPort: shape.httpPort ?? 8080, protocol: 'TCP' }],
        },
      ],
      nodeName: shape.node ?? 'node-1',
      ...shape.spec,
    },
    status: {
      phase: shape.phase ?? 'Running',
      ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
      conditions: [{ type: 'Ready', status: (shape.ready ?? true) ? 'True' : 'False' }],
    },
  }
}

function node(name: string): Node | undefined {
  if (name === 'missing') return undefined
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'topology.kubernetes.io/zone': 'zone-a' } } }
}

let serial = 0

/** What an API server would hold after the writes. */
function apply(existing: readonly EndpointSlice[], plan: SlicePlan): EndpointSlice[] {
  const gone = new Set(plan.delete.map((slice) => slice.metadata.name))
  const updated = new Map(plan.update.map((slice) => [slice.metadata.name, slice]))
  const kept = existing.filter((slice) => !gone.has(slice.metadata.name))
  const created = plan.create.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `${slice.metadata.generateName}${++serial}`, uid: `uid-${serial}` },
  }))
  return [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created]
}

function reconcile(svc: Service, pods: readonly Pod[], existing: readonly EndpointSlice[] = [], max = 100): SlicePlan {
  const { groups } = desiredEndpoints(svc, 'IPv4', { pods, node })
  return planSlices(svc, { addressType: 'IPv4', groups, maxEndpoints: max }, existing)
}

function only(plan: SlicePlan): EndpointSlice {
  assert.equal(plan.create.length, 1)
  return plan.create[0]!
}

const writes = (plan: SlicePlan) => plan.create.length + plan.update.length + plan.delete.length

test('a Service without pods has one placeholder, and keeps it', () => {
  const svc = service()
  const plan = reconcile(svc, [])
  const slice = only(plan)
  assert.deepEqual(slice.endpoints, [])
  assert.deepEqual(slice.ports, [])
  assert.equal(slice.metadata.generateName, 'web-')
  assert.equal(writes(reconcile(svc, [], apply([], plan))), 0)
})

test('labels, owner and ports of a slice', () => {
  const svc = service(
    { ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' }] },
    { labels: { app: 'web', [MANAGED_BY_LABEL]: 'someone', 'service.kubernetes.io/headless': 'yes' } },
  )
  const slice = only(reconcile(svc, [pod('a')]))
  assert.deepEqual(slice.metadata.labels, {
    app: 'web',
    [SERVICE_NAME_LABEL]: 'web',
    [MANAGED_BY_LABEL]: CONTROLLER_NAME,
  })
  assert.deepEqual(slice.metadata.ownerReferences, [
    { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'svc-1', controller: true, blockOwnerDeletion: true },
  ])
  assert.deepEqual(slice.ports, [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http' }])
})

test('a headless Service marks its slices, and may have no ports', () => {
  const slice = only(reconcile(service({ clusterIP: 'None', ports: [] }), [pod('a')]))
  assert.equal(slice.metadata.labels?.['service.kubernetes.io/headless'], '')
  assert.deepEqual(slice.ports, [])
  assert.equal(slice.endpoints?.length, 1)
})

const CONDITIONS: readonly {
  readonly what: string
  readonly shape: PodShape
  readonly publish?: boolean
  readonly expect: readonly [ready: boolean, serving: boolean, terminating: boolean] | 'left out'
}[] = [
  { what: 'ready', shape: {}, expect: [true, true, false] },
  { what: 'not ready', shape: { ready: false }, expect: [false, false, false] },
  { what: 'terminating and ready', shape: { deleting: true }, expect: [false, true, true] },
  { what: 'terminating and not ready', shape: { deleting: true, ready: false }, expect: [false, false, true] },
  { what: 'published, not ready', shape: { ready: false }, publish: true, expect: [true, false, false] },
  { what: 'published, terminating', shape: { deleting: true }, publish: true, expect: [true, true, true] },
  { what: 'succeeded', shape: { phase: 'Succeeded' }, expect: 'left out' },
  { what: 'failed', shape: { phase: 'Failed', deleting: true }, expect: 'left out' },
  { what: 'without an address', shape: { ips: [] }, expect: 'left out' },
  { what: 'with an address of the other family only', shape: { ips: ['fd00::1'] }, expect: 'left out' },
  { what: 'on an unknown node', shape: { node: 'missing' }, expect: 'left out' },
  { what: 'on an unknown node, published', shape: { node: 'missing' }, publish: true, expect: [true, true, false] },
]

for (const { what, shape, publish, expect } of CONDITIONS) {
  test(`a pod that is ${what}`, () => {
    const svc = service(publish === undefined ? {} : { publishNotReadyAddresses: publish })
    const { groups } = desiredEndpoints(svc, 'IPv4', { pods: [pod('a', shape)], node })
    const conditions = groups[0]?.endpoints[0]?.conditions
    if (expect === 'left out') assert.equal(groups.length, 0)
    else assert.deepEqual(conditions, { ready: expect[0], serving: expect[1], terminating: expect[2] })
  })
}

test('an endpoint names its pod, node and zone; a hostname only under its own subdomain', () => {
  const named = pod('a', { spec: { hostname: 'web-0', subdomain: 'web' } })
  const other = pod('b', { ips: ['10.244.0.6'], spec: { hostname: 'web-0', subdomain: 'other' } })
  const [first, second] = only(reconcile(service(), [named, other])).endpoints ?? []
  assert.deepEqual(first, {
    addresses: ['10.244.0.5'],
    conditions: { ready: true, serving: true, terminating: false },
    hostname: 'web-0',
    targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
    nodeName: 'node-1',
    zone: 'zone-a',
  })
  assert.equal(second?.hostname, undefined)
})

test('traffic distribution gives ready endpoints hints', () => {
  const hints = (distribution: string, shape: PodShape = {}) =>
    only(reconcile(service({ trafficDistribution: distribution }), [pod('a', shape)])).endpoints?.[0]?.hints
  assert.deepEqual(hints('PreferClose'), { forZones: [{ name: 'zone-a' }] })
  assert.deepEqual(hints('PreferSameZone'), { forZones: [{ name: 'zone-a' }] })
  assert.deepEqual(hints('PreferSameNode'), { forZones: [{ name: 'zone-a' }], forNodes: [{ name: 'node-1' }] })
  assert.equal(hints('PreferClose', { ready: false }), undefined)
})

test('a named port is resolved per pod: one slice per set of ports, and a pod without it has none', () => {
  const svc = service({ ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] })
  const without = pod('c', { ips: ['10.244.0.7'], spec: { containers: [{ name: 'c', image: 'i' }] } })
  const plan = reconcile(svc, [pod('a'), pod('b', { ips: ['10.244.0.6'], httpPort: 9090 }), without])
  assert.deepEqual(
    plan.create.map((slice) => [slice.ports?.map(({ port }) => port), slice.endpoints?.length]),
    [
      [[8080], 1],
      [[9090], 1],
      [[], 1],
    ],
  )
})

function manyPods(count: number, from = 0): Pod[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index
    return pod(`p${number}`, { ips: [`10.244.${number >> 8}.${number & 255}`] })
  })
}

test('packing: at most 100 endpoints per slice', () => {
  const plan = reconcile(service(), manyPods(250))
  assert.deepEqual(
    plan.create.map((slice) => slice.endpoints?.length),
    [100, 100, 50],
  )
})

test('packing: one new pod is one write, into the slice that it fills most', () => {
  const svc = service()
  const first = apply([], reconcile(svc, manyPods(250)))
  const plan = reconcile(svc, manyPods(251), first)
  assert.equal(writes(plan), 1)
  assert.equal(plan.update[0]?.endpoints?.length, 51)
})

test('packing: new endpoints go into slices that change anyway', () => {
  const svc = service()
  const first = apply([], reconcile(svc, manyPods(250)))
  const replaced = [...manyPods(250).filter((_, index) => index !== 5), ...manyPods(1, 300)]
  const plan = reconcile(svc, replaced, first)
  assert.equal(writes(plan), 1)
  assert.equal(plan.update[0]?.metadata.name, first[0]?.metadata.name)
  assert.equal(plan.update[0]?.endpoints?.length, 100)
})

test('packing: more than any slice has room for makes a new one', () => {
  const svc = service()
  const first = apply([], reconcile(svc, manyPods(250)))
  const plan = reconcile(svc, manyPods(310), first)
  assert.deepEqual([plan.create.length, plan.update.length], [1, 0])
  assert.equal(plan.create[0]?.endpoints?.length, 60)
})

test('the placeholder becomes the first slice, and the last slice the placeholder: one update each', () => {
  const svc = service()
  const empty = apply([], reconcile(svc, []))
  const filled = reconcile(svc, [pod('a')], empty)
  assert.deepEqual([filled.create.length, filled.update.length, filled.delete.length], [0, 1, 0])
  const back = reconcile(svc, [], apply(empty, filled))
  assert.deepEqual([back.create.length, back.update.length, back.delete.length], [0, 1, 0])
  assert.deepEqual(back.update[0]?.ports, [])
})

test('a slice of a Service of the same name before is deleted, not changed', () => {
  const before = apply([], reconcile(service({}, { uid: 'svc-0' }), [pod('a')]))
  const plan = reconcile(service(), [pod('a')], before)
  assert.deepEqual([plan.create.length, plan.update.length], [1, 0])
  assert.deepEqual(plan.delete, before)
})

test('a Service that is being deleted gets no new slices', () => {
  const plan = reconcile(service({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), [pod('a')])
  assert.equal(writes(plan), 0)
})

test('changed labels of the Service are written to every slice', () => {
  const first = apply([], reconcile(service(), manyPods(150)))
  const plan = reconcile(service({}, { labels: { app: 'web', tier: 'front' } }), manyPods(150), first)
  assert.equal(plan.update.length, 2)
  assert.equal(plan.update[0]?.metadata.labels?.tier, 'front')
})

test('the trigger time is noted, and taken away when there is none', () => {
  const slice = only(reconcile(service(), []))
  const noted = withTriggerTime(slice, '2026-01-01T00:00:00Z')
  assert.equal(noted.metadata.annotations?.[TRIGGER_TIME_ANNOTATION], '2026-01-01T00:00:00Z')
  assert.equal(withTriggerTime(noted, undefined).metadata.annotations, undefined)
})

test('property: one pass brings any slices to what is wanted, a second writes nothing', () => {
  const arbitraryPods = fc
    .uniqueArray(fc.nat(40), { maxLength: 25 })
    .chain((numbers) =>
      fc.tuple(
        fc.constant(numbers),
        fc.array(fc.record({ ready: fc.boolean(), deleting: fc.boolean(), port: fc.constantFrom(8080, 9090) }), {
          minLength: numbers.length,
          maxLength: numbers.length,
        }),
      ),
    )
    .map(([numbers, shapes]) =>
      numbers.map((number, index) => {
        const { port = 8080, ...shape } = shapes[index] ?? {}
        return pod(`p${number}`, { ...shape, httpPort: port, ips: [`10.244.0.${number}`] })
      }),
    )
  const svc = service({ ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] })
  fc.assert(
    fc.property(
      fc.array(arbitraryPods, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 7 }),
      (steps, max) => {
        let slices: EndpointSlice[] = []
        for (const pods of steps) {
          slices = apply(slices, reconcile(svc, pods, slices, max))
          assert.equal(writes(reconcile(svc, pods, slices, max)), 0, 'the second pass writes nothing')
          const { groups } = desiredEndpoints(svc, 'IPv4', { pods, node })
          const wanted = groups.flatMap(({ ports, endpoints }) =>
            endpoints.map((endpoint) => describe(ports, endpoint)),
          )
          const held = slices.flatMap((slice) =>
            (slice.endpoints ?? []).map((endpoint) => describe(slice.ports ?? [], endpoint)),
          )
          assert.deepEqual(held.sort(), wanted.sort())
          assert.ok(slices.length > 0)
          assert.ok(slices.every((slice) => (slice.endpoints ?? []).length <= max))
        }
      },
    ),
  )
})

function describe(ports: unknown, endpoint: Parameters<typeof endpointKey>[0]): string {
  return JSON.stringify([ports, endpointKey(endpoint), endpoint])
}
