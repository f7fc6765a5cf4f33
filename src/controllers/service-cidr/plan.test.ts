import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import { planServiceCidr, SERVICE_CIDR_FINALIZER } from './plan.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

function range(name: string, cidrs: readonly string[], metadata: object = {}): ServiceCidr {
  const finalizers = [SERVICE_CIDR_FINALIZER]
  const apiVersion = 'networking.k8s.io/v1'
  return { apiVersion, kind: 'ServiceCIDR', metadata: { name, finalizers, ...metadata }, spec: { cidrs } }
}

function address(name: string): IpAddress {
  const spec = { parentRef: { resource: 'services', namespace: 'default', name: 'web' } }
  return { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name }, spec }
}

const LEAVING = { deletionTimestamp: '2026-01-01T00:00:00Z' }

test('a range gets its finalizer and is ready', () => {
  const plan = planServiceCidr(range('a', ['10.0.0.0/24'], { finalizers: [] }), { ranges: [], addresses: [], now: NOW })
  assert.deepEqual(plan.finalizers, [SERVICE_CIDR_FINALIZER])
  assert.deepEqual(
    plan.conditions?.map(({ type, status, message }) => [type, status, message]),
    [['Ready', 'True', 'Kubernetes Service CIDR is ready']],
  )
  const settled = { ...range('a', ['10.0.0.0/24']), status: { conditions: plan.conditions ?? [] } }
  const again = planServiceCidr(settled, { ranges: [settled], addresses: [], now: NOW })
  assert.deepEqual(again, { finalizers: undefined, conditions: undefined, release: false })
})

test('a deleted range waits for addresses that are in no other range', () => {
  const leaving = range('a', ['10.0.0.0/24'], LEAVING)
  const held = planServiceCidr(leaving, { ranges: [leaving], addresses: [address('10.0.0.7')], now: NOW })
  assert.equal(held.release, false)
  assert.deepEqual(
    held.conditions?.map(({ status, reason }) => [status, reason]),
    [['False', 'Terminating']],
  )
  const wider = range('b', ['10.0.0.0/16'])
  const covered = { ranges: [leaving, wider], addresses: [address('10.0.0.7')], now: NOW }
  assert.equal(planServiceCidr(leaving, covered).release, true)
  const both = { ...covered, ranges: [leaving, range('b', ['10.0.0.0/16'], LEAVING)] }
  assert.equal(planServiceCidr(leaving, both).release, false)
  assert.equal(planServiceCidr(leaving, { ...covered, ranges: [leaving], addresses: [] }).release, true)
})
