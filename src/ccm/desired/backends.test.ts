import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Node } from '../../kube/types/core.ts'
import { type BackendContext, type BackendPolicy, backendsFor } from './backends.ts'
import type { Candidate } from './endpoints.ts'

const node = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { providerID: `cn-hangzhou.i-${name}` },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
})
const names = ['a', 'b', 'c']
const context = (policy: BackendPolicy, weights: BackendContext['weights'] = { each: 100 }): BackendContext => ({
  policy,
  nodes: new Map(names.map((name) => [name, node(name)])),
  wishes: { labels: [], removeUnscheduled: false },
  weights,
  interfaceOf: ({ ip }) => ({ found: true, id: `eni-${ip}` }),
  description: 'k8s/x',
})
const candidates = (...on: readonly string[]): Candidate[] =>
  on.map((nodeName, n) => ({ ip: `10.0.0.${n + 1}`, port: 8080, nodeName, isDraining: false }))
const port = { port: 80, targetPort: 8080, nodePort: 30080 }
const shape = (policy: BackendPolicy, on: readonly string[], total?: number) => {
  const weights = total === undefined ? { each: 100 } : { each: 100, total }
  return backendsFor(port, candidates(...on), context(policy, weights)).backends.map((one) => [
    one.type,
    one.type === 'ecs' ? one.serverId : one.serverIp,
    one.port,
    one.weight,
  ])
}

test("the mission's table: what is attached, where, and with which weight", () => {
  assert.deepEqual(shape('local', ['a', 'a', 'b']), [
    ['ecs', 'i-a', 30080, 2],
    ['ecs', 'i-b', 30080, 1],
  ])
  assert.deepEqual(
    shape('cluster', ['a']),
    names.map((name) => ['ecs', `i-${name}`, 30080, 100]),
  )
  assert.deepEqual(shape('eni', ['a', 'a']), [
    ['eni', '10.0.0.1', 8080, 100],
    ['eni', '10.0.0.2', 8080, 100],
  ])
})

test('annotation weight is shared out; every backend gets at least 1 unless it is 0', () => {
  assert.deepEqual(
    shape('local', ['a', 'a', 'b'], 60).map(([, , , weight]) => weight),
    [40, 20],
  )
  assert.deepEqual(
    shape('cluster', [], 2).map(([, , , weight]) => weight),
    [1, 1, 1],
  )
  assert.deepEqual(
    shape('eni', ['a', 'b'], 50).map(([, , , weight]) => weight),
    [25, 25],
  )
  assert.deepEqual(
    shape('eni', ['a', 'b'], 0).map(([, , , weight]) => weight),
    [0, 0],
  )
})

test('whatever the pods, Local attaches exactly their nodes, with as much weight in all as there are pods', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...names), { maxLength: 40 }), (on) => {
      const rows = shape('local', on)
      assert.deepEqual(new Set(rows.map(([, id]) => id)), new Set(on.map((name) => `i-${name}`)))
      assert.equal(
        rows.reduce((sum, [, , , weight]) => sum + Number(weight), 0),
        on.length,
      )
    }),
  )
})

test('an endpoint whose node is not there is told, not attached', () => {
  const { backends, missing } = backendsFor(port, candidates('a', 'gone'), context('local'))
  assert.equal(backends.length, 1)
  assert.deepEqual(missing, [{ who: 'endpoint 10.0.0.2', reason: 'can not find correspond node gone', kind: 'node' }])
})

test('without a node port nothing is sent to port 0', () => {
  const { backends, missing } = backendsFor({ port: 80 }, candidates('a'), context('local'))
  assert.deepEqual(backends, [])
  assert.match(missing[0]?.reason ?? '', /port 80 of the Service has no node port/)
})
