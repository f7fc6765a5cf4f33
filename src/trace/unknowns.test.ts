import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloudFacts } from './cloud-facts.ts'
import { testCloud } from './test-cloud.ts'
import { asked, testWorld } from './test-world.ts'
import { unknownsOf } from './unknowns.ts'
import { atlasOf } from './world.ts'

const atlas = testWorld({
  services: [
    {
      name: 'web',
      type: 'LoadBalancer',
      ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }],
      ingress: ['203.0.113.100'],
    },
  ],
  pods: [
    { name: 'web-1', labels: { app: 'web' }, node: 1 },
    { name: 'web-2', labels: { app: 'web' }, node: 2 },
  ],
})

test('of a cluster of which only the API is known, load balancer, firewalls and listeners are taken for granted', () => {
  const told = unknownsOf(asked(atlas, 'internet', 'svc/web'), atlas)
  assert.equal(told.length, 3)
  assert.match(told[0] ?? '', /^the load balancer of Service default\/web is taken to be as the Service asks/)
  assert.match(told[1] ?? '', /^security groups and firewalls/)
  assert.match(
    told[2] ?? '',
    /^who listens is not known: pod default\/web-\d on node-\d, pod default\/web-\d on node-\d/,
  )
})

test('only what is on the way is told', () => {
  const onNode = unknownsOf(asked(atlas, 'client', 'pod/web-1:8080'), atlas)
  assert.deepEqual(onNode, ['who listens is not known: pod default/web-1 on node-1 is taken to'])
  assert.deepEqual(unknownsOf(asked(atlas, 'client', 'svc/web:81'), atlas), [])
})

test('where cloud and kernel were asked nothing is taken for granted', () => {
  const kernel = { listeners: new Map(), routes: new Map() }
  const known = atlasOf({ ...atlas, kernel, cloud: cloudFacts(testCloud({ ungrouped: true })) })
  assert.deepEqual(unknownsOf(asked(known, 'client', 'pod/web-2:8080'), known), [])
})
