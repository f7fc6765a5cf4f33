import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain, outcomeFor } from './explain.ts'
import type { NodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import type { PortPlan } from './service-plan.ts'
import { aService, aSlice, type EndpointWords, type ServiceWords } from './test-objects.ts'

const NODE: NodeView = { name: 'n1', addresses: ['192.168.0.1'], podCidrs: ['10.244.1.0/24'] }

function planOf(words: ServiceWords, endpoints: readonly EndpointWords[], node = NODE): PortPlan {
  const service = aService('web', {
    clusterIP: '10.96.0.1',
    ports: [{ name: 'tcp', protocol: 'TCP', port: 80 }],
    ...words,
  })
  const plan = planService(service, [aSlice('web', endpoints)], node)
  assert.ok(plan.kind === 'programmed' && plan.ports[0])
  return plan.ports[0]
}

/** Each address and client with what happens, in words. */
function table(plan: PortPlan): string[] {
  return explain(plan).map(({ frontend: { source }, client, outcome }) => {
    if (outcome.kind !== 'translated') return `${source}, ${client}: ${outcome.kind} ${outcome.reason}`
    const shares = outcome.shares.map(({ endpoint, slots }) => `${endpoint.address}*${slots}`).join(' ')
    return `${source}, ${client}: ${shares} of ${outcome.slots}, ${outcome.masquerade.masquerade ? 'node' : 'client'} address, ${outcome.masquerade.why}`
  })
}

test('policy Local without an endpoint here: who reaches what, with which address, and why', () => {
  const words: ServiceWords = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ingress: ['203.0.113.7'] }
  assert.deepEqual(table(planOf(words, [{ ip: '10.244.2.1', node: 'n2' }])), [
    'ClusterIP, pod on this node: 10.244.2.1*1 of 1, client address, client is a pod of this node',
    'ClusterIP, node itself: 10.244.2.1*1 of 1, node address, client is not a pod of this node',
    'ClusterIP, other node: 10.244.2.1*1 of 1, node address, client is not a pod of this node',
    'ClusterIP, external: 10.244.2.1*1 of 1, node address, client is not a pod of this node',
    'LoadBalancer, pod on this node: 10.244.2.1*1 of 1, client address, client is a pod of this node',
    'LoadBalancer, node itself: 10.244.2.1*1 of 1, node address, the reply must come back through this node',
    'LoadBalancer, other node: drop no-local-endpoints',
    'LoadBalancer, external: drop no-local-endpoints',
  ])
})

test("the same in IPVS's way", () => {
  const words: ServiceWords = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ingress: ['203.0.113.7'] }
  const plan = planOf(words, [{ ip: '10.244.2.1', node: 'n2' }], { ...NODE, mode: 'ipvs' })
  assert.deepEqual(table(plan).slice(4), [
    'LoadBalancer, pod on this node: reject no-local-endpoints',
    'LoadBalancer, node itself: reject no-local-endpoints',
    'LoadBalancer, other node: reject no-local-endpoints',
    'LoadBalancer, external: reject no-local-endpoints',
  ])
})

test('weights are slots; an address outside of the ranges is dropped', () => {
  const words: ServiceWords = {
    type: 'LoadBalancer',
    ingress: ['203.0.113.7'],
    loadBalancerSourceRanges: ['198.51.100.0/24'],
    annotations: { 'fairlead.dev/weights': '10.244.1.1=3' },
  }
  const plan = planOf(words, [{ ip: '10.244.1.1' }, { ip: '10.244.1.2' }])
  assert.match(table(plan)[0] ?? '', /10\.244\.1\.1\*3 10\.244\.1\.2\*1 of 4/)
  const frontend = plan.frontends.find(({ source }) => source === 'LoadBalancer')
  assert.ok(frontend)
  const fate = (address: string) => outcomeFor(plan, frontend, { client: 'external', address })
  assert.equal(fate('198.51.100.9').kind, 'translated')
  assert.deepEqual(fate('198.51.101.9'), { kind: 'drop', reason: 'not-in-load-balancer-source-ranges' })
})

test('affinity, the way of picking and hints are told', () => {
  const words: ServiceWords = {
    sessionAffinity: 'ClientIP',
    annotations: { 'fairlead.dev/load-balancing': 'random' },
  }
  const endpoints = [
    { ip: '10.244.1.1', forNodes: ['n1'] },
    { ip: '10.244.1.2', forNodes: ['n1'] },
    { ip: '10.244.2.1', forNodes: ['n2'] },
  ]
  const [first] = explain(planOf(words, endpoints))
  assert.ok(first?.outcome.kind === 'translated')
  const { balancing, affinitySeconds, topology, shares } = first.outcome
  assert.deepEqual([balancing, affinitySeconds, topology, shares.length], ['random', 10800, 'PreferSameNode', 2])
})
