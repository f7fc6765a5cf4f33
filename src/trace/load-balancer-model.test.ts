import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prediction } from './predict.ts'
import { routes } from './predict.ts'
import { asked, type ServiceWords, testWorld, type WorldWords } from './test-world.ts'

const PODS = [
  { name: 'web-1', labels: { app: 'web' }, node: 1 },
  { name: 'web-2', labels: { app: 'web' }, node: 2 },
] as const
const WEB: ServiceWords = {
  name: 'web',
  type: 'LoadBalancer',
  externalTrafficPolicy: 'Cluster',
  ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }],
  ingress: ['203.0.113.100'],
}

function fromInternet(words: Partial<ServiceWords>, around: WorldWords['around'] = {}): Prediction {
  return asked(testWorld({ services: [{ ...WEB, ...words }], pods: PODS, around }), 'internet', 'svc/web')
}

/** Backend of the balancer, and the address that the endpoint sees. */
function ways(prediction: Prediction): string[] {
  return routes(prediction).map(({ hops, end }) => {
    const backend = hops.find((hop) => hop.kind === 'translate' && hop.place.kind === 'vpc')
    const to = backend?.kind === 'translate' ? `${backend.after.destination}:${backend.after.port}` : 'nobody'
    return `${to} ${end.kind === 'delivered' ? `${end.flow.source} -> ${end.flow.destination}` : end.kind}`
  })
}

test('policy Cluster: every node is a backend, and pods see nodes', () => {
  assert.deepEqual(ways(fromInternet({})), [
    '192.168.0.1:30080 10.244.1.1 -> 10.244.1.4',
    '192.168.0.1:30080 10.244.1.0 -> 10.244.2.5',
    '192.168.0.2:30080 10.244.2.0 -> 10.244.1.4',
    '192.168.0.2:30080 10.244.2.1 -> 10.244.2.5',
    '192.168.0.3:30080 10.244.3.0 -> 10.244.1.4',
    '192.168.0.3:30080 10.244.3.0 -> 10.244.2.5',
  ])
})

test('policy Local: nodes with an endpoint, and pods see the client', () => {
  assert.deepEqual(ways(fromInternet({ externalTrafficPolicy: 'Local' })), [
    '192.168.0.1:30080 198.51.100.2 -> 10.244.1.4',
    '192.168.0.2:30080 198.51.100.2 -> 10.244.2.5',
  ])
})

test('Terway: pods are the backends, no node port and no change of the source', () => {
  assert.deepEqual(ways(fromInternet({}, { network: 'terway-eniip' })), [
    '10.244.1.4:8080 198.51.100.2 -> 10.244.1.4',
    '10.244.2.5:8080 198.51.100.2 -> 10.244.2.5',
  ])
})

test('without a backend it refuses, and says what is wrong with the Service', () => {
  const { verdict, cause } = fromInternet({ externalTrafficPolicy: 'Local', selector: { app: 'wbe' } })
  assert.deepEqual([verdict, cause?.code], ['refused', 'no-pod-matches'])
})

test('a listener on layer 7 answers itself', () => {
  const atlas = testWorld({ services: [WEB], pods: PODS })
  const [service] = atlas.objects.services.filter(({ metadata }) => metadata.name === 'web')
  const annotations = { 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port': 'https:443,http:80' }
  const changed = { ...service!, metadata: { ...service!.metadata, annotations } }
  const prediction = asked(
    { ...atlas, servicesByAddress: new Map([['203.0.113.100', [changed]]]) },
    'internet',
    '203.0.113.100:80',
  )
  const [hop] = prediction.path?.hops.filter(({ kind }) => kind === 'balance') ?? []
  assert.deepEqual([prediction.verdict, hop?.kind === 'balance' && hop.carrier], ['reachable', 'haproxy'])
})
