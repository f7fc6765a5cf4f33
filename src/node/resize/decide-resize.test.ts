import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '../../kube/types/core.ts'
import { testContainer, testPod } from '../test-pods.ts'
import { knownAllocation, sameAllocation, wantedAllocation, withAllocation } from './allocation.ts'
import { decideResize, type NodeRoom, resizeStep } from './decide-resize.ts'

const room = (more: Partial<NodeRoom> = {}) => ({
  capacity: { cpu: 2000, memory: 1_000_000_000 },
  used: { cpu: 500 },
  missing: [],
  ...more,
})
const podWith = (requests: Record<string, string>, limits?: Record<string, string>) =>
  testPod({
    containers: [testContainer('web', { resources: { requests, ...(limits === undefined ? {} : { limits }) } })],
  })
const before = wantedAllocation(podWith({ cpu: '100m' }, { cpu: '200m' }))

test('a pod is given what the node has left, waits for what others have, and never gets what no node has', () => {
  const decide = (cpu: string, more?: Partial<NodeRoom>) =>
    decideResize(podWith({ cpu }, { cpu: '2' }), before, () => room(more))
  assert.deepEqual(decide('1500m'), { kind: 'granted' })
  assert.deepEqual(decide('1600m'), {
    kind: 'pending',
    reason: 'Deferred',
    message: "Node didn't have enough resource: cpu, requested: 1600, used: 500, capacity: 2000",
  })
  assert.deepEqual(decide('3'), {
    kind: 'pending',
    reason: 'Infeasible',
    message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000",
  })
  assert.deepEqual(decide('150m', { missing: ['cpu'] }), {
    kind: 'pending',
    reason: 'Infeasible',
    message: 'this machine has no cpu controller of control groups',
  })
})

test('what is the same in other words is settled, and the node is not asked', () => {
  const decision = decideResize(podWith({ cpu: '0.1' }, { cpu: '0.2' }), before, () => assert.fail('asked'))
  assert.deepEqual(decision, { kind: 'settled' })
})

test('an agent that comes later knows what its pods have by their status', () => {
  const pod = podWith({ cpu: '300m' })
  const status = {
    name: 'web',
    ready: true,
    restartCount: 0,
    image: '',
    imageID: '',
    resources: { requests: { cpu: '100m' } },
  }
  const known = knownAllocation({ ...pod, status: { containerStatuses: [status] } })
  assert.ok(sameAllocation(known, { web: { requests: { cpu: '100m' } } }))
  assert.deepEqual(withAllocation(pod, known).spec.containers[0]?.resources, { requests: { cpu: '100m' } })
  assert.ok(sameAllocation(knownAllocation(pod), wantedAllocation(pod)))
})

test('a container starts anew for what its policy says so of, and for nothing else', () => {
  const container = (resources: Container['resources']): Container =>
    testContainer('web', {
      ...(resources === undefined ? {} : { resources }),
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'memory', restartPolicy: 'RestartContainer' },
      ],
    })
  const actual = { limits: { cpu: '1', memory: '1Gi' } }
  assert.equal(resizeStep(container(actual), actual), 'none')
  assert.equal(resizeStep(container({ limits: { cpu: '2', memory: '1024Mi' } }), actual), 'update')
  assert.equal(resizeStep(container({ limits: { cpu: '2', memory: '2Gi' } }), actual), 'restart')
})
