import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { serviceKind } from '../../kube/kinds/service.ts'
import type { Service, ServiceSpec } from '../../kube/types/core.ts'
import { fieldErrorText } from '../../kube/validation/field-error.ts'
import { openLmdbStore } from '../../store/lmdb-store.ts'
import { heldAddresses } from './cluster-ips.ts'
import { heldNodePorts } from './node-ports.ts'
import { ServiceWriter, type SpecInput } from './service-writer.test-kit.ts'

const CONFIG = { serviceCidrs: ['10.0.0.0/28', 'fd00::/124'], nodePorts: { first: 30_000, last: 30_031 } }
const NAMES = ['a', 'b', 'c']

const port = fc.record({
  port: fc.constantFrom(53, 80),
  protocol: fc.constantFrom('TCP', 'UDP'),
  nodePort: fc.option(fc.integer({ min: 29_999, max: 30_032 }), { nil: undefined }),
})
const ports = fc
  .uniqueArray(port, { minLength: 1, maxLength: 3, selector: (each) => `${each.protocol}/${each.port}` })
  .map((each) => each.map((one, i) => ({ ...one, name: `p${i}` })))

/** Any of it may be changed; null takes a field away. */
const change = fc.record(
  {
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    externalName: fc.constantFrom('example.com', null),
    ports,
    clusterIP: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'None', '', null),
    clusterIPs: fc.constantFrom(null, ['10.0.0.1', 'fd00::1'], ['10.0.0.1']),
    ipFamilies: fc.constantFrom(null, ['IPv4'], ['IPv6'], ['IPv4', 'IPv6']),
    ipFamilyPolicy: fc.constantFrom(null, 'SingleStack', 'PreferDualStack', 'RequireDualStack'),
    externalTrafficPolicy: fc.constantFrom(null, 'Local', 'Cluster'),
    healthCheckNodePort: fc.constantFrom(null, 30_001, 30_002),
    allocateLoadBalancerNodePorts: fc.constantFrom(null, true, false),
    loadBalancerClass: fc.constantFrom(null, 'example.com/a'),
    selector: fc.constantFrom(null, { app: 'a' }),
  },
  { requiredKeys: [] },
)
const steps = fc.array(
  fc.record({ name: fc.constantFrom(...NAMES), change: fc.option(change, { freq: 12, nil: undefined }) }),
  { minLength: 1, maxLength: 25 },
)

it('any sequence of changes leaves good Services, and takes for them exactly what they have', async () => {
  const numbers = fc.infiniteStream(fc.nat(1_000_000))
  await fc.assert(
    fc.asyncProperty(steps, numbers, async (sequence, stream) => {
      const directory = mkdtempSync(join(tmpdir(), 'fairlead-types-'))
      const store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
      try {
        let count = 0
        const random = { uuid: () => `uid-${count++}`, below: (limit: number) => (stream.next().value ?? 0) % limit }
        await runSteps(new ServiceWriter(store, CONFIG, random), sequence)
      } finally {
        await store[Symbol.asyncDispose]()
        rmSync(directory, { recursive: true })
      }
    }),
    { numRuns: Number(process.env.FAIRLEAD_PROPERTY_RUNS ?? 60) },
  )
})

type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never

async function runSteps(writer: ServiceWriter, sequence: readonly Step[]): Promise<void> {
  for (const { name, change: fields } of sequence) {
    const before = JSON.stringify(writer.get(name))
    if (fields === undefined) await writer.remove(name)
    else {
      const outcome = await writer.write(name, (old) => merged(old ?? { ports: [{ port: 80 }] }, fields))
      if ('refused' in outcome) assert.equal(JSON.stringify(writer.get(name)), before, 'a refusal changed something')
      else await checkStable(writer, name)
    }
    checkAll(writer)
  }
}

function merged(old: Partial<ServiceSpec>, fields: object): SpecInput {
  const all = Object.entries({ ...old, ...fields })
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined))
}

/** What was stored may be written again, whole or without what was allocated, and stays as it is. */
async function checkStable(writer: ServiceWriter, name: string): Promise<void> {
  const stored = writer.get(name) as Service
  assert.deepEqual((serviceKind.validate?.(stored, stored) ?? []).map(fieldErrorText), [])
  const whole = await writer.write(name, (old) => old ?? {})
  assert.ok('service' in whole, JSON.stringify([stored, whole]))
  assert.deepEqual(whole.service?.spec, stored.spec)
  const { clusterIP, clusterIPs, healthCheckNodePort: _, ipFamilyPolicy: __, ...asked } = stored.spec
  const headless = clusterIP === 'None' ? { clusterIP, clusterIPs: clusterIPs ?? [] } : {}
  const again = await writer.write(name, () => ({ ...asked, ...headless }))
  assert.ok('service' in again, JSON.stringify([stored, again]))
  assert.deepEqual(again.service?.spec, stored.spec)
}

function checkAll(writer: ServiceWriter): void {
  const addresses: [string, string][] = []
  const nodePorts: [string, string][] = []
  for (const { metadata, spec } of writer.all()) {
    for (const ip of heldAddresses(spec)) addresses.push([ip, metadata.name])
    for (const one of heldNodePorts(spec)) nodePorts.push([String(one), metadata.name])
    const external = spec.type === 'ExternalName'
    assert.equal(spec.clusterIP, spec.clusterIPs?.[0])
    assert.equal(external, spec.clusterIP === undefined)
    if (!external && spec.clusterIP !== 'None') assert.equal(spec.clusterIPs?.length, spec.ipFamilies?.length)
    const checked = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
    assert.equal(spec.healthCheckNodePort !== undefined, checked)
  }
  assert.equal(new Set(addresses.map(([ip]) => ip)).size, addresses.length, 'an address was given twice')
  assert.equal(new Set(nodePorts.map(([one]) => one)).size, nodePorts.length, 'a node port was given twice')
  const taken = { addresses: Object.fromEntries(addresses), ports: Object.fromEntries(nodePorts) }
  assert.deepEqual(writer.taken(), taken)
}
