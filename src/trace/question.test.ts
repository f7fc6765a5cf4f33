import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../base/error.ts'
import type { Pod } from '../kube/types/core.ts'
import { parseOrigin } from './question.ts'
import { asked, testPod, testWorld } from './test-world.ts'
import { atlasOf } from './world.ts'

const atlas = testWorld({
  services: [
    { name: 'web' },
    {
      name: 'api',
      namespace: 'shop',
      ports: [
        { name: 'http', port: 80 },
        { name: 'grpc', port: 81 },
      ],
    },
  ],
  pods: [
    { name: 'web-1', labels: { app: 'web' } },
    { name: 'cart', namespace: 'shop' },
    { name: 'node-1' },
    { name: 'done', phase: 'Succeeded' },
  ],
  namespaces: ['shop'],
})

const CASES: readonly (readonly [from: string, to: string, message: RegExp, hint: RegExp])[] = [
  ['clint', 'svc/web', /no pod and no node "clint"/, /default\/client/],
  ['cart', 'svc/web', /no pod "cart" in namespace default/, /shop\/cart/],
  ['node-1', 'svc/web', /is a node and a pod/, /node\/node-1 or pod\/node-1/],
  ['node/node-9', 'svc/web', /no node "node-9"/, /node-1/],
  ['10.1.2.3', 'svc/web', /No pod and no node has the address 10\.1\.2\.3/, /198\.51\.100\.2/],
  ['client', 'svc/wbe', /no Service "wbe"/, /svc\/default\/web/],
  ['client', 'svc/api', /no Service "api" in namespace default/, /svc\/shop\/api/],
  ['client', 'svc/shop/api', /has the ports http=80\/TCP, grpc=81\/TCP/, /svc\/shop\/api:PORT/],
  ['client', 'svc/shop/api:htp', /has no port "htp"/, /http=80/],
  ['client', '10.96.0.1', /names no port/, /10\.96\.0\.1:80/],
  ['client', 'web:99999', /"99999" is not a port/, /65535/],
  ['client', '10.96.300.1:80', /"10\.96\.300\.1" is no address/, /up to 255/],
  ['client', 'svc/web:80/tpc', /"tpc" of "svc\/web:80\/tpc" is no protocol/, /tcp, udp or sctp/],
  ['client', 'web:80/tpc', /"tpc" of "web:80\/tpc" is no protocol/, /tcp, udp or sctp/],
  ['client', 'a b', /neither an address nor a name/, /svc\/NAME/],
  ['client', 'http://[::1', /is not a URL/, /http:/],
  ['client', 'ftp://web/', /names no port/, /port/],
  ['client', 'deploy/web', /Cannot ask "deploy\/web"/, /svc\/NAME/],
  ['client', 'pod/web-1', /say which port/, /pod\/default\/web-1:PORT/],
  ['', 'svc/web', /no pod and no node ""/, /Give a pod/],
  ['done', 'svc/web', /Pod default\/done has ended \(phase Succeeded\)/, /a pod that runs/],
  ['deploy/web', 'svc/web', /no pod of Deployment "web" in namespace default/, /kubectl get pods -n default/],
  ['sts/shop/cart', 'svc/web', /no pod of StatefulSet "cart" in namespace shop/, /kubectl get pods -n shop/],
]

test('what is not there is refused as usage, with what would be right', () => {
  for (const [from, to, message, hint] of CASES) {
    assert.throws(
      () => asked(atlas, from, to),
      (error) => isFairleadError(error, 'USAGE') && message.test(error.message) && hint.test(error.hint ?? ''),
      `${from} ${to}`,
    )
  }
})

test('one thing may be said in several ways', () => {
  const addresses = [
    'svc/web',
    'service/default/web:80',
    'svc/web:http',
    'web',
    'web.default:80',
    'http://web/',
    '10.96.0.21:80/tcp',
  ]
  for (const to of addresses) {
    const { path, verdict } = asked(atlas, 'client', to)
    const [origin] = path?.hops ?? []
    assert.deepEqual(
      [to, verdict, origin?.kind === 'origin' && origin.flow.destination],
      [to, 'reachable', '10.96.0.21'],
    )
  }
  for (const from of ['client', 'default/client', 'pod/client', 'pods/default/client', '10.244.1.2']) {
    assert.deepEqual(asked(atlas, from, 'web').from, {
      kind: 'pod',
      namespace: 'default',
      name: 'client',
      node: 'node-1',
    })
  }
})

/** A pod whose controller is somebody. */
function owned(pod: Pod, kind: string, name: string, hash?: string): Pod {
  const owner = { apiVersion: 'apps/v1', kind, name, uid: name, controller: true }
  const labels = hash === undefined ? {} : { 'pod-template-hash': hash }
  return { ...pod, metadata: { ...pod.metadata, labels, ownerReferences: [owner] } }
}

test('a workload asks as the first of its pods that runs', () => {
  const [ended, first, second, other] = [
    testPod({ name: 'a-ended', phase: 'Succeeded' }, 10),
    testPod({ name: 'a-first', node: 2 }, 11),
    testPod({ name: 'a-second' }, 12),
    testPod({ name: 'b' }, 13),
  ]
  const pods = [
    owned(ended, 'ReplicaSet', 'a-5d', '5d'),
    owned(first, 'ReplicaSet', 'a-5d', '5d'),
    owned(second, 'StatefulSet', 'a'),
    // Of Deployment a-5d, not of a.
    owned(other, 'ReplicaSet', 'a-5d-77', '77'),
  ]
  const all = atlasOf({ ...atlas, objects: { ...atlas.objects, pods: [...pods, ...atlas.objects.pods] } })
  const names = ['deploy/a', 'deployments/default/a', 'rs/a-5d', 'sts/a', 'deploy/a-5d'].map((from) => {
    const origin = parseOrigin({ from, to: '' }, all)
    return origin.kind === 'pod' ? origin.pod.metadata.name : ''
  })
  assert.deepEqual(names, ['a-first', 'a-first', 'a-first', 'a-second', 'b'])
})

test('a pod without an address sends nothing', () => {
  const pod = testPod({ name: 'new' }, 10)
  const pending = { ...pod, status: { phase: 'Pending' as const } }
  const all = atlasOf({ ...atlas, objects: { ...atlas.objects, pods: [pending] } })
  assert.throws(
    () => parseOrigin({ from: 'new', to: '' }, all),
    (error) => isFairleadError(error, 'USAGE') && /default\/new has no address yet/.test(error.message),
  )
})
