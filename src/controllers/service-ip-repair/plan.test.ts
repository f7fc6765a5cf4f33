import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../../kube/types/core.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import { ALLOCATOR, faultsOf, IP_FAMILY, leakOf, MANAGED_BY } from './plan.ts'

const RANGES: readonly ServiceCidr[] = [
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: ['10.96.0.0/16', 'fd00:10:96::/112'] },
  },
]

function service(...clusterIPs: readonly string[]): Service {
  const metadata = { name: 'web', namespace: 'default' }
  const spec = { type: 'ClusterIP' as const, clusterIP: clusterIPs[0] ?? '', clusterIPs, ports: [{ port: 80 }] }
  return { apiVersion: 'v1', kind: 'Service', metadata, spec } as Service
}

function address(
  name: string,
  owner = 'web',
  labels: Record<string, string> = { [MANAGED_BY]: ALLOCATOR, [IP_FAMILY]: 'IPv4' },
): IpAddress {
  const spec = { parentRef: { group: '', resource: 'services', namespace: 'default', name: owner } }
  return { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name, labels }, spec }
}

function known(addresses: readonly IpAddress[], ...services: readonly Service[]) {
  return {
    find: (name: string) => addresses.find(({ metadata }) => metadata.name === name),
    findService: (key: string) => services.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
    ranges: RANGES,
  }
}

const PARENT = { group: '', resource: 'services', namespace: 'default', name: 'web' }

test('an address with its object is well, one without gets one', () => {
  assert.deepEqual(faultsOf(service('10.96.0.9'), known([address('10.96.0.9')])), [])
  const [fault] = faultsOf(service('fd00:10:96:0::9'), known([]))
  assert.deepEqual(fault?.event, {
    reason: 'ClusterIPNotAllocated',
    message: 'Cluster IP [IPv6]: fd00:10:96::9 is not allocated; repairing',
  })
  assert.equal(fault?.create?.metadata.name, 'fd00:10:96::9')
  assert.deepEqual(fault?.create?.spec.parentRef, PARENT)
})

test('what cannot be mended is told', () => {
  const told = (ip: string, ...addresses: readonly IpAddress[]) =>
    faultsOf(service(ip), known(addresses, { ...service(ip), metadata: { name: 'other', namespace: 'default' } })).map(
      ({ event, create }) => [event?.reason, event?.message, create],
    )
  assert.deepEqual(told('192.0.2.1'), [
    [
      'ClusterIPOutOfRange',
      'Cluster IP [IPv4]: 192.0.2.1 is not within any configured Service CIDR; please recreate service',
      undefined,
    ],
  ])
  assert.deepEqual(told('x'), [
    ['ClusterIPNotValid', 'Cluster IP x is not a valid IP; please recreate Service', undefined],
  ])
  assert.deepEqual(told('10.96.0.9', address('10.96.0.9', 'other')), [
    [
      'ClusterIPAlreadyAllocated',
      'Cluster IP [IPv4]:10.96.0.9 was assigned to multiple services; please recreate service',
      undefined,
    ],
  ])
  assert.deepEqual(told('None'), [])
})

test('what refers to something else, or has lost its labels, is made anew', () => {
  const mended = (object: IpAddress) => faultsOf(service('10.96.0.9'), known([object]))
  const message = 'the ClusterIP [IPv4]: 10.96.0.9 for Service default/web has a wrong reference; repairing'
  const gateway = { ...address('10.96.0.9'), spec: { parentRef: { ...PARENT, group: 'g', resource: 'gateways' } } }
  for (const wrong of [gateway, address('10.96.0.9', 'gone')]) {
    const [fault] = mended(wrong)
    assert.deepEqual(fault?.event, { reason: 'ClusterIPNotAllocated', message })
    assert.equal(fault?.replaces, wrong)
    assert.deepEqual(fault?.create?.spec.parentRef, PARENT)
  }
  const bare = address('10.96.0.9', 'web', { [MANAGED_BY]: ALLOCATOR })
  const stripped = { ...bare, metadata: { name: '10.96.0.9', labels: { [MANAGED_BY]: ALLOCATOR } } }
  const [fault] = mended(stripped)
  assert.deepEqual([fault?.event, fault?.replaces], [undefined, stripped])
})

test('only what the allocator made is leaked', () => {
  const leak = (object: IpAddress, of?: Service) => leakOf(object, of)
  assert.equal(leak(address('10.96.0.9'), service('10.96.0.9')), undefined)
  assert.deepEqual(leak(address('10.96.0.8'), service('10.96.0.9')), {
    reason: 'IPAddressWrongReference',
    message: 'IPAddress: 10.96.0.8 for Service default/web has a wrong reference; cleaning up',
  })
  assert.deepEqual(leak(address('10.96.0.9')), {
    reason: 'IPAddressNotAllocated',
    message: 'IPAddress: 10.96.0.9 for Service default/web appears to have leaked: cleaning up',
  })
  const gateway = { ...address('10.96.0.9'), spec: { parentRef: { ...PARENT, group: 'g', resource: 'gateways' } } }
  assert.deepEqual(leak(gateway), {
    reason: 'IPAddressNotAllocated',
    message:
      'IPAddress 10.96.0.9 appears to have been modified, not referencing a Service &{g gateways default web}: cleaning up',
  })
  assert.equal(leak(address('10.96.0.9', 'web', {})), undefined)
})
