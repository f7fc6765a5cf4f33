import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../../kube/types/core.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import { ALLOCATOR, faultsOf, isLeaked, MANAGED_BY } from './plan.ts'

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

function address(name: string, owner = 'web', labels: Record<string, string> = { [MANAGED_BY]: ALLOCATOR }): IpAddress {
  const spec = { parentRef: { group: '', resource: 'services', namespace: 'default', name: owner } }
  return { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name, labels }, spec }
}

function found(...addresses: readonly IpAddress[]) {
  return (name: string) => addresses.find(({ metadata }) => metadata.name === name)
}

test('an address with its object is well, one without gets one', () => {
  assert.deepEqual(faultsOf(service('10.96.0.9'), found(address('10.96.0.9')), RANGES), [])
  const [fault] = faultsOf(service('fd00:10:96:0::9'), found(), RANGES)
  assert.equal(fault?.reason, 'ClusterIPNotAllocated')
  assert.equal(fault?.message, 'Cluster IP [IPv6]: fd00:10:96:0::9 is not allocated; repairing')
  assert.equal(fault?.create?.metadata.name, 'fd00:10:96::9')
  assert.deepEqual(fault?.create?.spec.parentRef, {
    group: '',
    resource: 'services',
    namespace: 'default',
    name: 'web',
  })
})

test('what cannot be mended is told', () => {
  const reason = (ip: string, ...addresses: readonly IpAddress[]) =>
    faultsOf(service(ip), found(...addresses), RANGES).map((fault) => [fault.reason, fault.create])
  assert.deepEqual(reason('192.0.2.1'), [['ClusterIPOutOfRange', undefined]])
  assert.deepEqual(reason('x'), [['ClusterIPNotValid', undefined]])
  assert.deepEqual(reason('10.96.0.9', address('10.96.0.9', 'other')), [['ClusterIPAlreadyAllocated', undefined]])
  assert.deepEqual(reason('None'), [])
})

test('only what the allocator made is leaked', () => {
  assert.equal(isLeaked(address('10.96.0.9'), service('10.96.0.9')), false)
  assert.equal(isLeaked(address('10.96.0.8'), service('10.96.0.9')), true)
  assert.equal(isLeaked(address('10.96.0.9'), undefined), true)
  assert.equal(isLeaked(address('10.96.0.9', 'web', {}), undefined), false)
})
