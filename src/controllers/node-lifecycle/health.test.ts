import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, Taint } from '../../kube/types/core.ts'
import type { ConditionStatus } from '../../kube/types/meta.ts'
import { silentConditions, wantedTaints } from './health.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

function node(ready: ConditionStatus | undefined, spec: Node['spec'] = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: spec ?? {},
    status: ready === undefined ? {} : { conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady' }] },
  }
}

const keys = (taints: readonly Taint[] | undefined) => taints?.map(({ key, effect }) => `${key}:${effect}`)

test('a silent node is Unknown in all that it reports, once', () => {
  const conditions = silentConditions(node('True'), NOW)
  assert.deepEqual(
    conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [
      ['Ready', 'Unknown', 'NodeStatusUnknown'],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ],
  )
  assert.equal(conditions?.[0]?.message, 'Kubelet stopped posting node status.')
  assert.equal(conditions?.[0]?.lastTransitionTime, '2026-01-01T12:00:00Z')
  assert.equal(silentConditions({ ...node(undefined), status: { conditions: conditions ?? [] } }, NOW), undefined)
})

test('taints follow the condition Ready and unschedulable; others are left alone', () => {
  const own = { key: 'dedicated', value: 'db', effect: 'NoSchedule' } as const
  assert.equal(wantedTaints(node('True', { taints: [own] }), NOW), undefined)
  assert.deepEqual(keys(wantedTaints(node('False', { taints: [own] }), NOW)), [
    'dedicated:NoSchedule',
    'node.kubernetes.io/not-ready:NoSchedule',
    'node.kubernetes.io/not-ready:NoExecute',
  ])
  assert.deepEqual(keys(wantedTaints(node(undefined), NOW)), keys(wantedTaints(node('False'), NOW)))
  const tainted = node('Unknown', { taints: wantedTaints(node('False'), NOW) ?? [] })
  assert.deepEqual(keys(wantedTaints(tainted, NOW)), [
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ])
  assert.deepEqual(keys(wantedTaints(node('True', { unschedulable: true }), NOW)), [
    'node.kubernetes.io/unschedulable:NoSchedule',
  ])
})

test('a node that has its taints keeps the time they were added', () => {
  const taints = wantedTaints(node('False'), NOW) ?? []
  assert.equal(wantedTaints(node('False', { taints }), NOW + 5000), undefined)
  const cordoned = wantedTaints(node('False', { taints, unschedulable: true }), NOW + 5000)
  assert.equal(cordoned?.find(({ effect }) => effect === 'NoExecute')?.timeAdded, '2026-01-01T12:00:00Z')
  assert.deepEqual(wantedTaints(node('True', { taints }), NOW), [])
})

test('pressure and a missing network keep new pods away, until they are over', () => {
  const pressed = (status: ConditionStatus): Node => {
    const conditions = [{ type: 'MemoryPressure', status }, { type: 'NetworkUnavailable', status } as const]
    return { ...node('True'), status: { conditions: [{ type: 'Ready', status: 'True' }, ...conditions] } }
  }
  const taints = wantedTaints(pressed('True'), NOW)
  assert.deepEqual(keys(taints), [
    'node.kubernetes.io/memory-pressure:NoSchedule',
    'node.kubernetes.io/network-unavailable:NoSchedule',
  ])
  assert.deepEqual(wantedTaints({ ...pressed('False'), spec: { taints: taints ?? [] } }, NOW), [])
})
