import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTime } from '../../base/time.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { conditionChanges, hasOpenCondition, RECOVERED, type Trouble } from './service-conditions.ts'

const NOW = Date.parse('2026-01-01T00:01:00Z')
const ENDPOINTS = 'fairlead.dev/EndpointsReady'
const CLOUDS: Condition = { type: 'service.k8s.alibaba/LoadBalancerReady', status: 'False', reason: 'X', message: 'm' }

function service(...conditions: readonly Condition[]): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: {},
    status: { conditions },
  }
}

function trouble(told: string | undefined, reason = 'NoPodsMatch'): Trouble {
  return { condition: ENDPOINTS, reason, told }
}

/** A Service with what was changed, as a merge by type leaves it. */
function merged(before: Service, changes: readonly Condition[]): Service {
  const kept = (before.status?.conditions ?? []).filter(({ type }) => !changes.some((one) => one.type === type))
  return service(...kept, ...changes)
}

test('a Service that was always well gets no condition', () => {
  assert.deepEqual(conditionChanges(service(), [], NOW), [])
  assert.deepEqual(conditionChanges(service(CLOUDS), [], NOW), [])
})

test('a reason is a condition once people were told of it, and not before', () => {
  assert.deepEqual(conditionChanges(service(), [trouble(undefined)], NOW), [])
  const changes = conditionChanges(service(CLOUDS), [trouble('no pod')], NOW)
  const since = formatTime(NOW)
  assert.deepEqual(changes, [
    { type: ENDPOINTS, status: 'False', reason: 'NoPodsMatch', message: 'no pod', lastTransitionTime: since },
  ])
})

test('the same is written once; another reason keeps the time since when it is False', () => {
  const told = merged(service(CLOUDS), conditionChanges(service(CLOUDS), [trouble('no pod')], NOW))
  assert.equal(hasOpenCondition(told), true)
  assert.deepEqual(conditionChanges(told, [trouble('no pod')], NOW + 5_000), [])
  const [other] = conditionChanges(told, [trouble('not ready', 'PodsNotReady')], NOW + 5_000)
  assert.deepEqual([other?.reason, other?.lastTransitionTime], ['PodsNotReady', formatTime(NOW)])
})

test('when it is over the condition is True, once; while another reason is still to be told it stays', () => {
  const told = merged(service(CLOUDS), conditionChanges(service(CLOUDS), [trouble('no pod')], NOW))
  assert.deepEqual(conditionChanges(told, [trouble(undefined, 'PodsNotReady')], NOW + 5_000), [])
  const changes = conditionChanges(told, [], NOW + 5_000)
  assert.deepEqual(changes, [
    { type: ENDPOINTS, status: 'True', ...RECOVERED, lastTransitionTime: formatTime(NOW + 5_000) },
  ])
  const over = merged(told, changes)
  assert.equal(hasOpenCondition(over), false)
  assert.deepEqual(conditionChanges(over, [], NOW + 9_000), [])
})

test('what has no condition changes none', () => {
  const other: Trouble = { condition: undefined, reason: 'HandledByAnotherProxy', told: 'by another' }
  assert.deepEqual(conditionChanges(service(), [other], NOW), [])
})
