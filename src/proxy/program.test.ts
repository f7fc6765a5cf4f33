import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { NftBatch } from '../linux/nftables/batch.ts'
import { FakeNftKernel } from '../linux/nftables/fake-kernel.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'
import { targetsOf } from './frontend-elements.ts'
import type { NodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import { Program, type ServiceObjects } from './program.ts'
import { FAMILIES } from './service-plan.ts'
import { frontendLines, kernelMeaning, modelMeaning } from './test-meaning.ts'
import { aService, aSlice, type EndpointWords, gone, together } from './test-objects.ts'

/** Few counters, so that they are shared, given up and made again. */
const COUNTERS = 6

const NODES: readonly NodeView[] = [
  { name: 'n1', addresses: ['192.168.0.1', 'fd00:192::1'], podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] },
  { name: 'n1', addresses: ['192.168.0.9'], podCidrs: [] },
  {
    name: 'n1',
    addresses: ['192.168.0.1'],
    podCidrs: ['10.244.1.0/24', '10.244.2.0/24', '10.244.1.128/25'],
    zone: 'z1',
  },
  { name: 'n1', addresses: ['192.168.0.1'], podCidrs: ['10.244.1.0/24'], masqueradeAll: true },
  { name: 'n1', addresses: ['192.168.0.1'], podCidrs: [], podInterfaces: { name: 'cni0', isPrefix: false } },
  { name: 'n1', addresses: ['192.168.0.1'], podCidrs: [], podInterfaces: { name: 'veth', isPrefix: true } },
  { name: 'n1', addresses: ['192.168.0.1'], podCidrs: ['10.244.1.0/24'], zone: 'z2', mode: 'ipvs' },
  {
    name: 'n1',
    addresses: ['192.168.0.1', 'fd00:192::1'],
    nodePortAddresses: ['192.168.0.1', '203.0.113.7', 'fd00:192::1', 'fd00:192::2'],
    podCidrs: [],
  },
]

/** Small tables: the fake kernel copies them. */
const LIMITS = { counters: COUNTERS, maglevSlots: () => 13 }

type Step =
  | { readonly kind: 'service'; readonly objects: ServiceObjects }
  | { readonly kind: 'ranges'; readonly cidrs: readonly string[] }
  | { readonly kind: 'node'; readonly node: NodeView }
  | { readonly kind: 'commit' }

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const endpoint: fc.Arbitrary<EndpointWords> = fc.record(
  {
    ip: fc.integer({ min: 1, max: 9 }).map((last) => `10.244.1.${last}`),
    node: fc.constantFrom('n1', 'n2'),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
    pod: fc.constantFrom('a-1', 'a-2', 'b-1'),
  },
  { requiredKeys: ['ip'] },
)
const hinted = fc.record({
  ip: fc.integer({ min: 1, max: 9 }).map((last) => `10.244.1.${last}`),
  forZones: fc.constantFrom(['z1'], ['z2'], ['z1', 'z2']),
  forNodes: fc.constantFrom(['n1'], ['n2'], []),
})
const endpoint6 = fc.record({ ip: fc.integer({ min: 1, max: 4 }).map((last) => `fd00:10:244:1::${last}`) })
const slices = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(endpoint, { minLength: 1, maxLength: 9 }) },
    { weight: 1, arbitrary: fc.array(hinted, { minLength: 1, maxLength: 9 }) },
    { weight: 1, arbitrary: fc.array(endpoint6, { minLength: 1, maxLength: 4 }) },
  ),
  { maxLength: 3 },
)
const policy = fc.constantFrom('Cluster', 'Local')
const spec = fc.record(
  {
    // Few addresses and ports, so that Services clash.
    clusterIPs: fc.constantFrom(['10.96.0.1'], ['10.96.0.2'], ['10.96.0.3', 'fd00:10:96::3'], ['10.96.0.4'], ['None']),
    ports: fc.constantFrom(
      [{ name: 'tcp', protocol: 'TCP', port: 80 }],
      [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }],
      [
        { name: 'tcp', protocol: 'TCP', port: 443, nodePort: 30443 },
        { name: 'udp', protocol: 'UDP', port: 443, nodePort: 30443 },
      ],
      [],
    ),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
    externalIPs: fc.constantFrom(['203.0.113.7'], ['203.0.113.8', 'not an address'], []),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    ingress: fc.constantFrom(['203.0.113.7'], ['203.0.113.9', '2001:db8::9']),
    loadBalancerSourceRanges: fc.subarray([
      '198.51.100.0/24',
      ' 198.51.100.128/25',
      '192.168.0.0/16',
      '2001:db8::/32',
      'nonsense',
    ]),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
    sessionAffinityConfig: fc.constantFrom({ clientIP: { timeoutSeconds: 60 } }, { clientIP: { timeoutSeconds: 600 } }),
    annotations: fc.record(
      {
        'fairlead.dev/load-balancing': fc.constantFrom('random', 'maglev', 'round-robin', 'wrr'),
        'fairlead.dev/weights': fc.constantFrom('a-*=3, b-1=2', '10.244.1.1=0', 'a-1=2,*=4', 'b'),
      },
      { requiredKeys: [] },
    ),
    created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
  },
  { requiredKeys: ['clusterIPs', 'ports', 'type'] },
) as fc.Arbitrary<Parameters<typeof aService>[1]>

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('service' as const),
      objects: fc
        .tuple(name, spec, slices)
        .map(([name, words, all]) =>
          together(aService(name, words), ...all.map((endpoints, index) => aSlice(name, endpoints, `${index}`))),
        ),
    }),
  },
  { weight: 2, arbitrary: name.map((name) => ({ kind: 'service' as const, objects: gone(name) })) },
  { weight: 1, arbitrary: fc.constantFrom(...NODES).map((node) => ({ kind: 'node' as const, node })) },
  {
    weight: 1,
    arbitrary: fc
      .subarray(['10.96.0.0/16', '10.97.0.0/16', 'fd00:10:96::/112'])
      .map((cidrs) => ({ kind: 'ranges' as const, cidrs })),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'commit' as const }) },
)

/** Takes the steps; returns what there is in the end. */
function walk(program: Program, steps: readonly Step[]) {
  const services = new Map<string, ServiceObjects>()
  let node = NODES[0]!
  let cidrs: readonly string[] = []
  program.start(node, [])
  for (const one of steps) {
    if (one.kind === 'service') {
      services.set(one.objects.key, one.objects)
      program.setService(one.objects)
    } else if (one.kind === 'node') {
      node = one.node
      program.setNode(node)
      for (const objects of services.values()) program.setService(objects)
    } else if (one.kind === 'ranges') {
      cidrs = one.cidrs
      program.setServiceCidrs(cidrs)
    } else program.commit()
  }
  program.commit()
  return { services: [...services.values()], node, cidrs }
}

/** The kernel's state after the steps is what the model says, what a fresh start makes, and what a restart finds right. */
function check(kernel: NftKernel, steps: readonly Step[]): void {
  const program = new Program({ kernel, nodeName: 'n1', ...LIMITS })
  const { services, node, cidrs } = walk(program, steps)
  const meaning = kernelMeaning(kernel)
  assert.deepEqual(frontendLines(meaning), modelMeaning(services, node), 'incremental = model')
  const fresh = new FakeNftKernel()
  const compiled = new Program({ kernel: fresh, nodeName: 'n1', maglevSlots: LIMITS.maglevSlots })
  compiled.setServiceCidrs(cidrs)
  compiled.start(node, services)
  assert.deepEqual(meaning, kernelMeaning(fresh), 'incremental = fresh')
  assert.equal(program.repair().changes, 0, 'the kernel has what the program thinks it has')
  const restarted = new Program({ kernel, nodeName: 'n1', ...LIMITS })
  restarted.setServiceCidrs(cidrs)
  const { changes } = restarted.start(node, services)
  // A Service that lost all its addresses to others has nothing in the kernel to know it by.
  if (everyListIsReached(services, node)) assert.equal(changes, 0, 'a restart changes nothing')
  assert.equal(restarted.commit(), 0)
  assert.deepEqual(kernelMeaning(kernel), meaning, 'a restart means the same')
}

function many(count: number): ServiceObjects[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `web-${index}`
    const clusterIP = `10.96.${index >> 8}.${index & 255}`
    const ports = [{ port: 80, protocol: 'TCP' as const }]
    return together(aService(name, { clusterIP, ports }), aSlice(name, [`10.244.1.${(index % 250) + 1}`]))
  })
}

describe('a first sync', () => {
  const services = many(2500)
  const startedAfresh = () => {
    const kernel = new FakeNftKernel()
    new Program({ kernel, nodeName: 'n1' }).start(NODES[0]!, services)
    return kernel
  }

  test('that overlaps with the kernel ends where another one does', async () => {
    const [one, other] = [startedAfresh(), new FakeNftKernel()]
    const program = new Program({ kernel: other, nodeName: 'n1' })
    const { changes, rebuilt } = await program.begin(NODES[0]!).finishOverlapped(services)
    assert.deepEqual(kernelMeaning(other), kernelMeaning(one))
    assert.ok(changes > services.length)
    assert.deepEqual(rebuilt, ['ip', 'ip6'])
    assert.equal(other.generation(), one.generation())
    assert.equal(program.repair().changes, 0)
  })

  test('that began before all was known sends nothing until then, and ends there, too', async () => {
    const kernel = new FakeNftKernel()
    const program = new Program({ kernel, nodeName: 'n1' })
    const first = program.begin(NODES[0]!)
    const generation = kernel.generation()
    const [early, late] = [services.slice(0, 1500), services.slice(1500)]
    for (const objects of early) first.handIn(objects)
    const [changed, gone] = [early[3]!, early[4]!]
    first.handIn(together(changed.service!, aSlice('web-3', ['10.244.9.9'])))
    const other = together(aService('gone', { clusterIP: '10.96.99.1' }), aSlice('gone', ['10.244.9.8']))
    first.handIn(other)
    assert.equal(kernel.generation(), generation)
    await first.finishOverlapped([changed, gone, { ...other, service: undefined, slices: [] }, ...late])
    assert.deepEqual(kernelMeaning(kernel), kernelMeaning(startedAfresh()))
    assert.equal(program.repair().changes, 0)
  })

  test('shows packets all Services or none, and is ended by the next one when it was killed', async () => {
    const kernel = new FakeNftKernel()
    const isHooked = () => {
      const chains = FAMILIES.flatMap((family) => kernel.chains({ family, table: 'fairlead' }))
      return chains.some(({ base }) => base !== undefined)
    }
    const first = new Program({ kernel, nodeName: 'n1' }).begin(NODES[0]!)
    let commits = 0
    kernel.refuse = () => {
      assert.ok(!isHooked(), 'packets come before the last transaction')
      commits += 1
      return commits === 5 ? 'ENOBUFS' : undefined
    }
    await assert.rejects(first.finishOverlapped(services))
    assert.ok(!isHooked() && commits === 5)
    kernel.refuse = undefined
    const { changes } = new Program({ kernel, nodeName: 'n1' }).start(NODES[0]!, services)
    assert.ok(isHooked() && changes > 0)
    assert.deepEqual(kernelMeaning(kernel), kernelMeaning(startedAfresh()))
  })

  test('takes over what the kernel has, also what somebody did since it was read', async () => {
    const kernel = startedAfresh()
    const program = new Program({ kernel, nodeName: 'n1' })
    const first = program.begin(NODES[0]!)
    for (const objects of services.slice(0, 1500)) first.handIn(objects)
    const table = program.tables[0]!.layout.ref
    const batch = new NftBatch()
    batch.destroyTable(table)
    kernel.commit(batch)
    const { rebuilt } = await first.finishOverlapped(services.slice(1500))
    assert.deepEqual(rebuilt, ['ip'])
    assert.deepEqual(kernelMeaning(kernel), kernelMeaning(startedAfresh()))
  })

  test('of an empty kernel that somebody filled meanwhile is a take-over', () => {
    const kernel = new FakeNftKernel()
    const program = new Program({ kernel, nodeName: 'n1' })
    const first = program.begin(NODES[0]!)
    for (const objects of services.slice(0, 1500)) first.handIn(objects)
    new Program({ kernel, nodeName: 'n1' }).start(NODES[0]!, many(10))
    first.finish(services.slice(1500))
    assert.deepEqual(kernelMeaning(kernel), kernelMeaning(startedAfresh()))
  })
})

/** Whether for each endpoint list there is an address that leads to it. */
function everyListIsReached(services: readonly ServiceObjects[], node: NodeView): boolean {
  const lines = modelMeaning(services, node)
  return services.every(({ service, slices }) => {
    const plan = service === undefined ? undefined : planService(service, slices, node)
    if (plan?.kind !== 'programmed') return true
    return plan.ports.every((port) =>
      (['cluster', 'local'] as const).every((scope) => {
        const maps = port.frontends.flatMap(targetsOf).flatMap(([map, target]) => (target === scope ? [map] : []))
        const owner = `(${port.namespace}/${port.service}:${port.name} `
        const reached = (map: string) =>
          lines.some((line) => line.startsWith(`${port.family} `) && line.includes(owner) && line.includes(` ${map} `))
        return maps.length === 0 || maps.some(reached)
      }),
    )
  })
}

/** More or fewer of them: FAIRLEAD_PROPERTY_RUNS=20000. */
const RUNS = Number(process.env.FAIRLEAD_PROPERTY_RUNS ?? 5000)
const KERNEL_RUNS = Math.min(RUNS, 200)

describe('any sequence of changes', () => {
  test('ends in what the model says, what a fresh start makes, and what a restart keeps (in memory)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => check(new FakeNftKernel(), steps)),
      { numRuns: RUNS },
    )
  })

  test('the same, in the kernel', () => {
    using namespaces = new TestNamespaces()
    using kernel = NftSocket.open(namespaces.create('prop'))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const clean = new Program({ kernel, nodeName: 'n1' })
        clean.start(NODES[0]!, [])
        check(kernel, steps)
      }),
      { numRuns: KERNEL_RUNS },
    )
  })

  test('whatever somebody else did to the tables is repaired', () => {
    const damage = fc.array(fc.nat(400), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), damage, (steps, hits) => {
        const kernel = new FakeNftKernel()
        const program = new Program({ kernel, nodeName: 'n1', maglevSlots: LIMITS.maglevSlots })
        const { services, node } = walk(program, steps)
        const before = kernelMeaning(kernel)
        hitElements(kernel, program, hits)
        program.repair()
        assert.deepEqual(kernelMeaning(kernel), before)
        assert.deepEqual(frontendLines(before), modelMeaning(services, node))
      }),
      { numRuns: Math.min(RUNS, 300) },
    )
  })
})

/** Deletes some elements behind the program's back. */
function hitElements(kernel: FakeNftKernel, program: Program, hits: readonly number[]): void {
  for (const hit of hits) {
    const all = program.tables.flatMap(({ allMaps }) =>
      allMaps.flatMap(({ set }) => kernel.elements(set).map((element) => ({ set, element }))),
    )
    const victim = all[hit % Math.max(1, all.length)]
    if (victim === undefined) continue
    kernel.delete(victim.set, victim.element)
  }
}

test('changes that cancel each other cost nothing', () => {
  const kernel = new FakeNftKernel()
  const program = new Program({ kernel, nodeName: 'n1' })
  const service = aService('a', { clusterIP: '10.96.0.1' })
  program.start(NODES[0]!, [together(service, aSlice('a', ['10.244.1.1', '10.244.1.2']))])
  const generation = kernel.generation()
  program.setService(together(service, aSlice('a', ['10.244.1.1', '10.244.1.3'])))
  program.setService(together(service, aSlice('a', ['10.244.1.1', '10.244.1.2'])))
  assert.equal(program.commit(), 0)
  assert.equal(kernel.generation(), generation)
})

test('an endpoint more is an element more, and the number of the others does not matter', () => {
  const kernel = new FakeNftKernel()
  const program = new Program({ kernel, nodeName: 'n1' })
  const services = Array.from({ length: 50 }, (_, i) =>
    together(
      aService(`s${i}`, { clusterIP: `10.96.1.${i}`, ports: [{ name: 'tcp', port: 80 }] }),
      aSlice(`s${i}`, [`10.244.2.${i}`, `10.244.3.${i}`]),
    ),
  )
  program.start(NODES[0]!, services)
  const three = aSlice(
    's7',
    ['10.244.2.7', '10.244.3.7', '10.244.4.7'].map((ip) => ({ ip, node: 'n2' })),
  )
  const two = aSlice(
    's7',
    ['10.244.2.7', '10.244.3.7'].map((ip) => ({ ip, node: 'n2' })),
  )
  program.setService(together(services[7]!.service!, two))
  program.commit()
  program.setService(together(services[7]!.service!, three))
  // A chain, its rule and its verdict; the frontend deleted and added; the endpoint.
  assert.equal(program.commit(), 6)
  program.setService(together(services[7]!.service!, two))
  // The frontend deleted and added, the endpoint deleted; the counters stay for others.
  assert.equal(program.commit(), 3)
})
