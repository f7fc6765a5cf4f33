import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { ServiceSpec } from '../../kube/types/core.ts'
import { openLmdbStore } from '../../store/lmdb-store.ts'
import type { Store } from '../../store/store.ts'
import { encodeObject } from '../object-bytes.ts'
import type { ServiceAllocationConfig } from './plan.ts'
import { ServiceWriter, type SpecInput, type WriteOutcome } from './service-writer.test-kit.ts'

const DUAL = { serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'] }
const SINGLE = { serviceCidrs: ['10.96.0.0/16'] }
const random = { uuid: randomUUID, below: (limit: number) => randomInt(limit) }
const http = { port: 80 }
const ALLOCATED = 'provided port is already allocated'

let directory: string
let store: Store

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-allocation-'))
  store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
})

afterEach(async () => {
  await store[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

function writer(config: ServiceAllocationConfig = SINGLE): ServiceWriter {
  return new ServiceWriter(store, config, random)
}

function specOf(outcome: WriteOutcome): ServiceSpec {
  assert.ok('service' in outcome && outcome.service !== undefined, JSON.stringify(outcome))
  return outcome.service.spec
}

async function created(writing: ServiceWriter, name: string, spec: SpecInput): Promise<ServiceSpec> {
  return specOf(await writing.create(name, spec))
}

async function refused(writing: Promise<WriteOutcome>): Promise<readonly string[]> {
  const outcome = await writing
  return 'refused' in outcome ? outcome.refused : []
}

describe('ClusterIP allocation', () => {
  it('chooses from the upper band, and records an IPAddress', async () => {
    const writing = writer()
    const spec = await created(writing, 'web', { ports: [http] })
    const [, , third, fourth] = (spec.clusterIP ?? '').split('.').map(Number)
    assert.ok((third ?? 0) * 256 + (fourth ?? 0) > 256, `${spec.clusterIP} is not in the static band`)
    assert.deepEqual(spec.clusterIPs, [spec.clusterIP])
    assert.deepEqual([spec.ipFamilies, spec.ipFamilyPolicy], [['IPv4'], 'SingleStack'])
    const entry = store.get(`/registry/networking.k8s.io/ipaddresses/${spec.clusterIP}`)
    const { metadata, ...object } = JSON.parse(Buffer.from(entry?.value ?? []).toString())
    assert.deepEqual(object, {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'web' } },
    })
    assert.deepEqual(metadata.labels, {
      'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      'ipaddress.kubernetes.io/ip-family': 'IPv4',
    })
  })

  it('takes the lower band when the upper is full, never the ends of the range, and then says that it is full', async () => {
    const writing = writer({ serviceCidrs: ['10.0.0.0/27'] })
    const chosen: number[] = []
    for (let i = 0; i < 30; i++) {
      const { clusterIP = '' } = await created(writing, `s${i}`, { ports: [http] })
      chosen.push(Number(clusterIP.split('.')[3]))
    }
    const upper = chosen.slice(0, 14)
    assert.ok(Math.min(...upper) === 17 && Math.max(...upper) === 30, upper.join())
    assert.deepEqual(
      chosen.toSorted((a, b) => a - b),
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
    assert.deepEqual(await refused(writing.create('more', { ports: [http] })), [
      'Internal error occurred: failed to allocate a serviceIP: range is full',
    ])
  })

  it('gives an address that is asked for to one Service only, with upstream’s words for the others', async () => {
    const writing = writer()
    assert.equal((await created(writing, 'dns', { clusterIP: '10.96.0.10', ports: [http] })).clusterIP, '10.96.0.10')
    const refusal = (clusterIP: string) => refused(writing.create('other', { clusterIP, ports: [http] }))
    assert.deepEqual(await refusal('10.96.0.10'), [
      'spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    ])
    assert.deepEqual(await refusal('10.97.0.1'), [
      'spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the provided network does not match the current range',
    ])
    assert.deepEqual(await refusal('10.96.255.255'), [
      'spec.clusterIPs: Invalid value: ["10.96.255.255"]: failed to allocate IP 10.96.255.255: the provided network does not match the current range',
    ])
    assert.deepEqual(await refusal('fd00::1'), [
      'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
    ])
  })

  it('needs none for headless and ExternalName', async () => {
    const writing = writer(DUAL)
    const headless = await created(writing, 'a', { clusterIP: 'None', selector: { app: 'a' } })
    assert.deepEqual([headless.ipFamilies, headless.ipFamilyPolicy], [['IPv4'], 'SingleStack'])
    const unmanaged = await created(writing, 'b', { clusterIP: 'None' })
    assert.deepEqual([unmanaged.ipFamilies, unmanaged.ipFamilyPolicy], [['IPv4', 'IPv6'], 'RequireDualStack'])
    const external = await created(writing, 'c', { type: 'ExternalName', externalName: 'example.com' })
    assert.deepEqual([external.clusterIP, external.ipFamilies], [undefined, undefined])
    assert.deepEqual(writing.taken().addresses, {})
  })

  it('releases on deletion and on becoming ExternalName, and takes on coming back', async () => {
    const writing = writer()
    await created(writing, 'a', { ports: [http] })
    const changed = await writing.write('a', (old) => ({ ...old, type: 'ExternalName', externalName: 'example.com' }))
    assert.equal(specOf(changed).clusterIP, undefined)
    assert.deepEqual(writing.taken().addresses, {})
    const back = await writing.write('a', (old) => ({ ...old, type: 'ClusterIP', ports: [http] }))
    assert.deepEqual(writing.taken().addresses, { [specOf(back).clusterIP ?? '']: 'a' })
    await writing.remove('a')
    assert.deepEqual(writing.taken().addresses, {})
    await created(writing, 'b', { type: 'ExternalName', externalName: 'example.com' })
    const asked = await writing.write('b', () => ({ clusterIP: '10.96.0.77', ports: [http] }))
    assert.deepEqual(specOf(asked).clusterIPs, ['10.96.0.77'])
  })

  it('leaves an address to whoever else has its IPAddress', async () => {
    const writing = writer()
    const { clusterIP } = await created(writing, 'a', { ports: [http] })
    const key = `/registry/networking.k8s.io/ipaddresses/${clusterIP}`
    const parentRef = { resource: 'gateways', namespace: 'default', name: 'a' }
    const value = encodeObject({ kind: 'IPAddress', metadata: { name: clusterIP }, spec: { parentRef } })
    await store.transact([], [{ type: 'put', key, value }])
    await writing.remove('a')
    assert.ok(store.get(key))
  })

  it('uses ranges that ServiceCIDR objects add', async () => {
    const writing = writer({ serviceCidrs: ['10.0.0.0/30'] })
    for (const name of ['a', 'b']) await created(writing, name, { ports: [http] })
    assert.equal((await refused(writing.create('c', { ports: [http] }))).length, 1)
    const range = { kind: 'ServiceCIDR', metadata: { name: 'more' }, spec: { cidrs: ['10.9.0.0/28'] } }
    const key = '/registry/networking.k8s.io/servicecidrs/more'
    await store.transact([], [{ type: 'put', key, value: encodeObject(range) }])
    assert.equal((await refused(writing.create('c', { ports: [http] }))).length, 1, 'it is not ready yet')
    const status = { conditions: [{ type: 'Ready', status: 'True' }] }
    await store.transact([], [{ type: 'put', key, value: encodeObject({ ...range, status }) }])
    const chosen = (await created(writing, 'c', { ports: [http] })).clusterIP ?? ''
    assert.match(chosen, /^10\.9\.0\./)
    const clusterIP = chosen === '10.9.0.14' ? '10.9.0.13' : '10.9.0.14'
    assert.equal((await created(writing, 'd', { clusterIP, ports: [http] })).clusterIP, clusterIP)
  })
})

describe('IP families', () => {
  const cases: readonly [string, ServiceAllocationConfig, SpecInput, readonly string[] | RegExp][] = [
    ['the default family', DUAL, {}, ['IPv4']],
    ['the family that is asked for', DUAL, { ipFamilies: ['IPv6'] }, ['IPv6']],
    ['the family of the address', DUAL, { clusterIP: 'fd00:10:96::a' }, ['IPv6']],
    ['both, preferred', DUAL, { ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6']],
    [
      'both, the order from the user',
      DUAL,
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] },
      ['IPv6', 'IPv4'],
    ],
    ['one, preferred where there is one', SINGLE, { ipFamilyPolicy: 'PreferDualStack' }, ['IPv4']],
    [
      'both required where there is one',
      SINGLE,
      { ipFamilyPolicy: 'RequireDualStack' },
      /^spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services$/,
    ],
    [
      'a family that is not there',
      SINGLE,
      { ipFamilies: ['IPv6'] },
      /^spec.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster$/,
    ],
    [
      'two with SingleStack',
      DUAL,
      { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4', 'IPv6'] },
      /must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified/,
    ],
    [
      'two without a policy',
      DUAL,
      { clusterIP: '10.96.9.9', clusterIPs: ['10.96.9.9', 'fd00:10:96::9'] },
      /must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified/,
    ],
  ]
  for (const [name, config, spec, expected] of cases) {
    it(`are settled: ${name}`, async () => {
      const outcome = await writer(config).create('web', { ports: [http], ...spec })
      if (expected instanceof RegExp) {
        assert.match('refused' in outcome ? outcome.refused.join('\n') : 'created', expected)
        return
      }
      const { ipFamilies, clusterIPs = [] } = specOf(outcome)
      assert.deepEqual(ipFamilies, expected)
      assert.deepEqual(
        clusterIPs.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
        expected,
      )
    })
  }

  it('are upgraded and downgraded, with the second address', async () => {
    const writing = writer(DUAL)
    const { clusterIP } = await created(writing, 'a', { ports: [http] })
    const up = specOf(await writing.write('a', (old) => ({ ...old, ipFamilyPolicy: 'PreferDualStack' })))
    assert.deepEqual([up.clusterIPs?.[0], up.clusterIPs?.length, up.ipFamilies], [clusterIP, 2, ['IPv4', 'IPv6']])
    assert.equal(Object.keys(writing.taken().addresses).length, 2)
    const shorter = writing.write('a', (old) => ({ ...old, clusterIPs: [clusterIP ?? ''], ipFamilies: ['IPv4'] }))
    assert.match((await refused(shorter)).join(), /SingleStack' (to release|when releasing)/)
    const down = specOf(await writing.write('a', (old) => ({ ...old, ipFamilyPolicy: 'SingleStack' })))
    assert.deepEqual([down.clusterIPs, down.ipFamilies], [[clusterIP], ['IPv4']])
    assert.deepEqual(writing.taken().addresses, { [clusterIP ?? '']: 'a' })
  })

  it('of a Service that prefers two do not change when the cluster gets a second', async () => {
    const spec = await created(writer(SINGLE), 'a', { ports: [http], ipFamilyPolicy: 'PreferDualStack' })
    const later = await writer(DUAL).write('a', (old) => ({ ...old, selector: { app: 'x' } }))
    assert.deepEqual(specOf(later).clusterIPs, spec.clusterIPs)
  })
})

describe('node port allocation', () => {
  it('chooses from the upper band, one number for TCP and UDP of one port', async () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, protocol: 'TCP' },
      { name: 'web', port: 80 },
    ]
    const [udp, tcp, web] = (await created(writer(), 'dns', { type: 'NodePort', ports })).ports ?? []
    assert.equal(udp?.nodePort, tcp?.nodePort)
    assert.notEqual(udp?.nodePort, web?.nodePort)
    for (const port of [udp, web]) assert.ok((port?.nodePort ?? 0) >= 30_086 && (port?.nodePort ?? 0) <= 32_767)
    assert.equal(Object.keys(writer().taken().ports).length, 2)
  })

  it('gives a port that is asked for to one Service only, with upstream’s words for the others', async () => {
    const writing = writer()
    await created(writing, 'a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })
    const refusal = (nodePort: number) =>
      refused(writing.create('b', { type: 'NodePort', ports: [{ port: 80, nodePort, protocol: 'UDP' }] }))
    assert.deepEqual(await refusal(30_080), [`spec.ports[0].nodePort: Invalid value: 30080: ${ALLOCATED}`])
    assert.deepEqual(await refusal(80), [
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ])
    assert.deepEqual(Object.keys(writing.taken().addresses).length, 1)
  })

  it('takes the lower band when the upper is full, and then says that it is full', async () => {
    const writing = writer({ ...SINGLE, nodePorts: { first: 30_000, last: 30_019 } })
    const ports = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, port: i + 1 }))
    const upper = await created(writing, 'a', { type: 'NodePort', ports: ports(4) })
    assert.deepEqual(upper.ports?.map(({ nodePort }) => nodePort).toSorted(), [30_016, 30_017, 30_018, 30_019])
    await created(writing, 'b', { type: 'NodePort', ports: ports(16) })
    assert.deepEqual(await refused(writing.create('c', { type: 'NodePort', ports: [http] })), [
      'Internal error occurred: failed to allocate a nodePort: range is full',
    ])
  })

  it('keeps ports on update, takes new ones, releases those that are gone', async () => {
    const writing = writer()
    const before = await created(writing, 'a', { type: 'NodePort', ports: [{ name: 'a', port: 80 }] })
    const first = before.ports?.[0]?.nodePort ?? 0
    const added = await writing.write('a', () => ({
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81, nodePort: 30_001 },
        { name: 'c', port: 82 },
      ],
    }))
    assert.deepEqual(
      specOf(added)
        .ports?.slice(0, 2)
        .map(({ nodePort }) => nodePort),
      [first, 30_001],
    )
    const third = specOf(added).ports?.[2]?.nodePort ?? 0
    assert.deepEqual(Object.keys(writing.taken().ports), [first, 30_001, third].map(String).toSorted())
    const fewer = await writing.write('a', (old) => ({ ...old, ports: old?.ports?.slice(1) ?? [] }))
    assert.deepEqual(
      specOf(fewer).ports?.map(({ nodePort }) => nodePort),
      [30_001, third],
    )
    assert.deepEqual(Object.keys(writing.taken().ports), [30_001, third].map(String).toSorted())
    const inside = specOf(await writing.write('a', (old) => ({ ...old, type: 'ClusterIP' })))
    assert.deepEqual(
      inside.ports?.map(({ nodePort }) => nodePort),
      [undefined, undefined],
    )
    assert.deepEqual(writing.taken().ports, {})
  })

  it('leaves load balancers without them when told so, but honours those asked for', async () => {
    const spec = await created(writer(), 'a', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81, nodePort: 30_500 },
      ],
    })
    assert.deepEqual(
      spec.ports?.map(({ nodePort }) => nodePort),
      [undefined, 30_500],
    )
    assert.deepEqual(Object.keys(writer().taken().ports), ['30500'])
  })

  it('has a port for health checks of Local load balancers, as long as they are', async () => {
    const writing = writer()
    const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [http] }
    const { healthCheckNodePort, ports } = await created(writing, 'a', local)
    const numbers = [healthCheckNodePort, ports?.[0]?.nodePort].map(String).toSorted()
    assert.deepEqual(Object.keys(writing.taken().ports), numbers)
    assert.deepEqual(await refused(writing.create('b', { ...local, healthCheckNodePort })), [
      `Internal error occurred: failed to allocate requested HealthCheck NodePort ${healthCheckNodePort}: ${ALLOCATED}`,
    ])
    const cluster = await writing.write('a', (old) => ({ ...old, externalTrafficPolicy: 'Cluster' }))
    assert.equal(specOf(cluster).healthCheckNodePort, undefined)
    assert.deepEqual(Object.keys(writing.taken().ports), [String(ports?.[0]?.nodePort)])
  })
})
