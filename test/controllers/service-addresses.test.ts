import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events, ipAddresses, serviceCidrs, services } from '../../src/kube/resource.ts'
import type { ServiceCidr } from '../../src/kube/types/discovery.ts'
import { startControlPlane } from './control-plane.ts'
import { service } from './workloads.ts'

function range(name: string, cidr: string): ServiceCidr {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name }, spec: { cidrs: [cidr] } }
}

test('an IPAddress that somebody deletes is made again, one that stands for nothing goes', async () => {
  await using plane = await startControlPlane()
  const web = await plane.client.create(services, service())
  const name = web.spec.clusterIP ?? ''
  const before = await plane.until(ipAddresses, name, () => true)
  await plane.client.delete(ipAddresses, { name })
  const after = await plane.until(ipAddresses, name, ({ metadata }) => metadata.uid !== before.metadata.uid)
  assert.deepEqual(after.spec, before.spec)
  await plane.untilAll(events, (all) => all.some(({ reason }) => reason === 'ClusterIPNotAllocated'))
  const leaked = { ...before, metadata: { name: '10.96.0.77', labels: before.metadata.labels ?? {} } }
  const parentRef = { ...before.spec.parentRef, name: 'gone' }
  await plane.client.create(ipAddresses, { ...leaked, spec: { parentRef } })
  await plane.gone(ipAddresses, '10.96.0.77')
})

test('addresses are taken from a range that is added, which stays until they are given back', async () => {
  await using plane = await startControlPlane()
  await plane.client.create(serviceCidrs, range('more', '10.99.0.0/24'))
  const isReady = ({ status }: ServiceCidr) => status?.conditions?.[0]?.status === 'True'
  await plane.until(serviceCidrs, 'more', isReady)
  const web = service()
  await plane.client.create(services, { ...web, spec: { ...web.spec, clusterIP: '10.99.0.9' } })
  await plane.client.delete(serviceCidrs, { name: 'more' })
  const held = await plane.until(serviceCidrs, 'more', ({ status }) => status?.conditions?.[0]?.status === 'False')
  assert.equal(held.status?.conditions?.[0]?.reason, 'Terminating')
})
