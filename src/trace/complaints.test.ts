/**
 * The complaints about Services that people have most: each must be told by its cause, the object and the field. The
 * first seven are those of facts about users: EXTERNAL-IP pending, not reachable where the user sits, policy Local
 * without a local endpoint, selector, readiness, ports, names.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prediction } from './predict.ts'
import { asked, testWorld } from './test-world.ts'

const web = { name: 'web', labels: { app: 'web' }, node: 2 } as const

function told({ verdict, cause }: Prediction): readonly unknown[] {
  return [verdict, cause?.code, cause?.object?.name, cause?.field]
}

test('1: EXTERNAL-IP is pending: nobody has taken the Service up', () => {
  const atlas = testWorld({ services: [{ name: 'web', type: 'LoadBalancer' }], pods: [web] })
  const answer = asked(atlas, 'internet', 'svc/web')
  assert.deepEqual(told(answer), ['unreachable', 'load-balancer-pending', 'web', 'spec.type'])
  assert.match(answer.cause?.sentence ?? '', /EXTERNAL-IP is <pending>\): no cloud controller has taken it up/)
  const classed = testWorld({
    services: [{ name: 'web', type: 'LoadBalancer', loadBalancerClass: 'x/y' }],
    pods: [web],
  })
  assert.equal(asked(classed, 'internet', 'svc/web').cause?.field, 'spec.loadBalancerClass')
})

test('2: it has an address that is not reachable from where the user sits', () => {
  const services = [
    { name: 'web', type: 'NodePort', ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] },
  ] as const
  const atlas = testWorld({
    services,
    pods: [web],
    around: { publicAddresses: [{ eip: '203.0.113.9', address: '192.168.0.2' }] },
  })
  const inside = asked(atlas, 'internet', '192.168.0.1:30080')
  assert.deepEqual(told(inside), ['unreachable', 'inside-address-from-internet', 'node-1', undefined])
  assert.equal(inside.cause?.mend, 'give the node an EIP')
  assert.equal(asked(atlas, 'internet', '192.168.0.2:30080').cause?.mend, 'ask 203.0.113.9, the EIP of node-2')
  assert.equal(asked(atlas, 'internet', 'svc/web').verdict, 'reachable')
  const none = testWorld({ services, pods: [web] })
  assert.equal(asked(none, 'internet', 'svc/web').cause?.code, 'no-public-address')
  const cluster = testWorld({ services: [{ name: 'web' }], pods: [web] })
  assert.deepEqual(told(asked(cluster, 'internet', 'svc/web')), [
    'unreachable',
    'inside-address-from-internet',
    'web',
    'spec.type',
  ])
})

test('3: policy Local without an endpoint on the node', () => {
  const ports = [{ port: 80, targetPort: 8080, nodePort: 30080 }]
  const around = { publicAddresses: [1, 2].map((n) => ({ eip: `203.0.113.${n}`, address: `192.168.0.${n}` })) }
  const atlas = testWorld({
    services: [{ name: 'web', type: 'NodePort', externalTrafficPolicy: 'Local', ports }],
    pods: [web],
    around,
  })
  const wrong = asked(atlas, 'internet', '203.0.113.1:30080')
  assert.deepEqual(told(wrong), ['dropped', 'no-local-endpoints', 'web', 'spec.externalTrafficPolicy'])
  assert.match(wrong.cause?.sentence ?? '', /no endpoint on node-1 \(they are on node-2\)/)
  assert.equal(asked(atlas, 'internet', '203.0.113.2:30080').verdict, 'reachable')
  assert.equal(asked(atlas, 'internet', 'svc/web').verdict, 'partly')
  const internal = testWorld({ services: [{ name: 'web', internalTrafficPolicy: 'Local' }], pods: [web] })
  assert.deepEqual(told(asked(internal, 'client', 'svc/web')), [
    'dropped',
    'no-local-endpoints',
    'web',
    'spec.internalTrafficPolicy',
  ])
})

test('3b: a load balancer address with policy Local from inside: dropped in the way of IPVS, short-circuited in the other', () => {
  const services = [
    { name: 'web', type: 'LoadBalancer', externalTrafficPolicy: 'Local', ingress: ['203.0.113.50'] },
  ] as const
  const upstream = testWorld({ services, pods: [web] })
  assert.equal(asked(upstream, 'client', '203.0.113.50:80').verdict, 'reachable')
  const ipvs = testWorld({ services, pods: [web], around: { proxyMode: 'ipvs' } })
  assert.deepEqual(told(asked(ipvs, 'client', '203.0.113.50:80')), [
    'refused',
    'no-local-endpoints',
    'web',
    'spec.externalTrafficPolicy',
  ])
})

test('4: no pod matches the selector; the closest label is told', () => {
  const atlas = testWorld({ services: [{ name: 'web', selector: { app: 'wbe' } }], pods: [web] })
  const answer = asked(atlas, 'client', 'svc/web')
  assert.deepEqual(told(answer), ['refused', 'no-pod-matches', 'web', 'spec.selector'])
  assert.match(answer.cause?.sentence ?? '', /the closest is pod web with app=web$/)
  assert.equal(answer.cause?.mend, 'set spec.selector.app to web')
  const elsewhere = testWorld({
    services: [{ name: 'web' }],
    pods: [{ ...web, namespace: 'shop' }],
    namespaces: ['shop'],
  })
  assert.equal(asked(elsewhere, 'client', 'svc/web').cause?.field, 'metadata.namespace')
})

test('5: pods match and none is ready: which probe fails', () => {
  const container = { readinessProbe: { httpGet: { port: 8080, path: '/healthz' } } }
  const atlas = testWorld({ services: [{ name: 'web' }], pods: [{ ...web, ready: false, container }] })
  const answer = asked(atlas, 'client', 'svc/web')
  assert.deepEqual(told(answer), ['refused', 'not-ready', 'web', 'spec.containers[0].readinessProbe'])
  assert.match(answer.cause?.sentence ?? '', /its readinessProbe \(GET :8080\/healthz\) fails/)
})

test('6: wrong ports: of the Service, of the target by number and by name', () => {
  const base = { services: [{ name: 'web' }], pods: [web] } as const
  const missing = asked(testWorld(base), 'client', 'svc/web:8080')
  assert.deepEqual(told(missing), ['refused', 'port-missing', 'web', 'spec.ports'])
  assert.equal(missing.cause?.mend, 'ask port 80')
  const listeners = { 'default/web': [{ protocol: 'TCP', address: '0.0.0.0', port: 9090 }] } as const
  const deaf = asked(testWorld({ ...base, listeners }), 'client', 'svc/web')
  assert.deepEqual(told(deaf), ['refused', 'wrong-target-port', 'web', 'spec.ports[0].targetPort'])
  assert.match(deaf.cause?.sentence ?? '', /does not listen on 8080\/TCP but on 9090\/TCP/)
  const ports = [{ port: 80, targetPort: 'http' }]
  const container = { ports: [{ name: 'web', containerPort: 8080 }] }
  const named = asked(
    testWorld({ services: [{ name: 'web', ports }], pods: [{ ...web, container }] }),
    'client',
    'svc/web',
  )
  assert.deepEqual(told(named), ['refused', 'wrong-target-port', 'web', 'spec.ports[0].targetPort'])
  assert.match(
    named.cause?.sentence ?? '',
    /"http" of Service default\/web is the name of no TCP port of its pods; they have web \(8080\)/,
  )
})

test('6b: a program that listens on localhost only; a Service asked by the wrong protocol', () => {
  const listeners = { 'default/web': [{ protocol: 'TCP', address: '127.0.0.1', port: 8080 }] } as const
  const local = asked(testWorld({ services: [{ name: 'web' }], pods: [web], listeners }), 'client', 'svc/web')
  assert.deepEqual(told(local), ['refused', 'not-listening', 'web', undefined])
  assert.match(local.cause?.sentence ?? '', /listens on 127.0.0.1:8080 only/)
  const udp = asked(testWorld({ services: [{ name: 'web' }], pods: [web] }), 'client', 'svc/web:80/udp')
  assert.deepEqual(told(udp), ['refused', 'protocol-mismatch', 'web', 'spec.ports[0].protocol'])
})

test('7: names: another namespace, a slip, a search path that does not lead there', () => {
  const services = [{ name: 'payment', namespace: 'shop' }, { name: 'web' }]
  const atlas = testWorld({ services, pods: [web], namespaces: ['shop'] })
  const wrong = asked(atlas, 'client', 'payment:80')
  assert.deepEqual(told(wrong), ['unresolved', 'wrong-namespace', 'payment', undefined])
  assert.equal(wrong.cause?.mend, 'ask for payment.shop')
  assert.deepEqual(
    wrong.resolution?.questions.map(({ name }) => name),
    ['payment.default.svc.cluster.local', 'payment.svc.cluster.local', 'payment.cluster.local', 'payment'],
  )
  assert.equal(asked(atlas, 'client', 'wbe:80').cause?.mend, 'did you mean web.default?')
  assert.equal(asked(atlas, 'client', 'payment.shp.svc.cluster.local:80').cause?.mend, 'ask for payment.shop')
  assert.equal(asked(atlas, 'client', 'http://web/').verdict, 'reachable')
  assert.equal(asked(atlas, 'client', 'example.com:80').cause?.code, 'name-outside')
  assert.equal(asked(atlas, 'node-1', 'web.default.svc.cluster.local:80').cause?.code, 'no-cluster-dns')
})

test('a DNS without endpoints is the cause of every name that fails', () => {
  const atlas = testWorld({ services: [{ name: 'web' }], pods: [web] })
  const slices = atlas.objects.slices.filter(({ metadata }) => metadata.namespace !== 'kube-system')
  const broken = { ...atlas, slicesByService: new Map(slices.map((slice) => ['default/web', [slice]])) }
  const answer = asked(broken, 'client', 'http://web/')
  assert.deepEqual(told(answer).slice(0, 2), ['unresolved', 'name-server'])
})

test('source ranges, ExternalName to itself, headless without endpoints and with a port that is not translated', () => {
  const ranges = {
    name: 'web',
    type: 'LoadBalancer',
    loadBalancerSourceRanges: ['203.0.113.0/24'],
    ingress: ['203.0.113.50'],
  } as const
  const shut = asked(testWorld({ services: [ranges], pods: [web] }), 'client', '203.0.113.50:80')
  assert.deepEqual(told(shut), ['dropped', 'source-ranges', 'web', 'spec.loadBalancerSourceRanges'])
  const loop = { name: 'web', type: 'ExternalName', externalName: 'web.default.svc.cluster.local' } as const
  assert.deepEqual(told(asked(testWorld({ services: [loop] }), 'client', 'svc/web:80')), [
    'unresolved',
    'external-name-loop',
    'web',
    'spec.externalName',
  ])
  const headless = { name: 'web', clusterIP: 'None', clusterIPs: ['None'] }
  assert.deepEqual(told(asked(testWorld({ services: [headless] }), 'client', 'web:80')).slice(0, 2), [
    'unresolved',
    'headless-no-endpoints',
  ])
  const listeners = { 'default/web': [{ protocol: 'TCP', address: '0.0.0.0', port: 8080 }] } as const
  const plain = asked(testWorld({ services: [headless], pods: [web], listeners }), 'client', 'svc/web')
  assert.deepEqual(told(plain), ['refused', 'wrong-target-port', 'web', 'spec.ports[0].port'])
  assert.equal(plain.cause?.mend, 'ask port 8080')
})

test('a Service of another proxy, an address that nobody has, a pod that is gone', () => {
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' }
  const foreign = testWorld({ services: [{ name: 'web', labels }], pods: [web] })
  assert.deepEqual(told(asked(foreign, 'client', 'svc/web')), ['dropped', 'another-proxy', 'web', 'metadata.labels'])
  const atlas = testWorld({})
  assert.equal(asked(atlas, 'client', '10.96.9.9:80').cause?.code, 'cluster-ip-of-nobody')
  assert.equal(asked(atlas, 'client', '10.244.2.77:80').cause?.code, 'nobody-there')
})
