import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, ContainerState, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { complaintsOf, GRACE_MS, isSuspicious, STARTING_MS } from './complaints.ts'

const BORN = Date.parse('2026-01-01T00:00:00Z')

interface PodWords {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly namespace?: string
  readonly ready?: boolean
  readonly container?: Partial<Container>
  readonly state?: ContainerState
  readonly spec?: Partial<Pod['spec']>
}

function pod({ name = 'web-1', labels = { app: 'web' }, namespace = 'default', ...words }: PodWords = {}): Pod {
  const { ready = false, container = {}, state = { running: {} } } = words
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'main', image: 'a', ports: [{ name: 'http', containerPort: 8080 }], ...container }],
      ...words.spec,
    },
    status: {
      phase: 'Running',
      podIP: '10.244.1.2',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'main', ready, started: true, restartCount: 0, image: '', imageID: '', state }],
    },
  }
}

function service(spec: Partial<Service['spec']> = {}, more: Partial<Service> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'web', port: 80, targetPort: 'http' }], ...spec },
    ...more,
  }
}

function slice(ready: boolean, names: readonly string[] = ['web']): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-x', namespace: 'default' },
    addressType: 'IPv4',
    ports: names.map((name) => ({ name, port: 8080, protocol: 'TCP' })),
    endpoints: [{ addresses: ['10.244.1.2'], conditions: { ready } }],
  }
}

interface Case {
  readonly about: string
  readonly service?: Service
  readonly slices?: readonly EndpointSlice[]
  readonly pods?: readonly Pod[]
  readonly others?: readonly Service[]
  /** Type, reason, and the message. */
  readonly says: readonly (readonly [string, string, RegExp])[]
}

const CASES: readonly Case[] = [
  { about: 'a ready endpoint', slices: [slice(true)], pods: [pod({ ready: true })], says: [] },
  { about: 'slices that are behind their pods', slices: [slice(false)], pods: [pod({ ready: true })], says: [] },
  {
    about: 'a selector that matches nothing; the closest label',
    service: service({ selector: { app: 'wbe' } }),
    pods: [pod({ labels: { 'pod-template-hash': 'wbe', app: 'web' } })],
    says: [
      [
        'Warning',
        'NoPodsMatch',
        /^No pod in namespace default has the labels app=wbe .*; the closest is pod web-1 with app=web: set spec\.selector\.app to web$/,
      ],
    ],
  },
  {
    about: 'pods in another namespace',
    pods: [pod({ namespace: 'shop' })],
    says: [['Warning', 'NoPodsMatch', /: make the Service in namespace shop, where pod web-1 has them$/]],
  },
  {
    about: 'a pod whose probe fails',
    pods: [pod({ container: { readinessProbe: { httpGet: { port: 8080, path: '/ready' } } } })],
    says: [
      [
        'Warning',
        'PodsNotReady',
        /^The only pod of Service default\/web is not ready: its readinessProbe \(GET :8080\/ready\) fails: let the container answer/,
      ],
    ],
  },
  {
    about: 'a pod that crashes: the text does not change with the time it waits',
    pods: [pod({ state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed' } } })],
    says: [['Warning', 'PodsNotReady', /is not ready: container main waits: CrashLoopBackOff$/]],
  },
  {
    about: 'a pod whose init container fails',
    pods: [failingInit()],
    says: [['Warning', 'PodsNotReady', /is not ready: init container setup ended with code 3$/]],
  },
  {
    about: 'a port by a name that no pod has, although another port is served',
    service: service({
      ports: [
        { name: 'web', port: 80, targetPort: 'http' },
        { name: 'metrics', port: 90, targetPort: 'metrics' },
      ],
    }),
    slices: [slice(true)],
    pods: [pod({ ready: true })],
    says: [
      [
        'Warning',
        'TargetPortNotFound',
        /^TargetPort "metrics" of Service default\/web is the name of no TCP port of its pods; they have http \(8080\)/,
      ],
    ],
  },
  {
    about: 'a port that only the pods have that are not ready',
    slices: [slice(true, []), slice(false)],
    pods: [pod({ name: 'old', ready: true, container: { ports: [] } }), pod({ container: { readinessProbe: {} } })],
    says: [['Warning', 'PodsNotReady', /^The only pod with port http of Service default\/web is not ready/]],
  },
  {
    about: 'no selector and no slice',
    service: service({ selector: {} }),
    says: [['Warning', 'NoEndpoints', /has no selector, and no EndpointSlice names an endpoint for it/]],
  },
  {
    about: 'another proxy, which is nothing wrong',
    service: service({}, { metadata: metadata({ 'service.kubernetes.io/service-proxy-name': 'other' }) }),
    slices: [slice(true)],
    pods: [pod({ ready: true })],
    says: [['Normal', 'HandledByAnotherProxy', /belongs to another proxy/]],
  },
  {
    about: 'a class of load balancers that nobody serves',
    service: service({ type: 'LoadBalancer', loadBalancerClass: 'acme/lb' }),
    slices: [slice(true)],
    says: [['Warning', 'LoadBalancerPending', /nobody serves loadBalancerClass acme\/lb/]],
  },
  {
    about: 'a load balancer that a cloud controller works on',
    service: service(
      { type: 'LoadBalancer' },
      { metadata: { ...metadata({}), finalizers: ['service.k8s.alibaba/resources'] } },
    ),
    slices: [slice(true)],
    says: [],
  },
  { about: 'a name of the world outside', service: alias('web', 'example.com'), says: [] },
  {
    about: 'an address in place of a name',
    service: alias('web', '192.0.2.1'),
    says: [['Warning', 'ExternalNameIsAddress', /leads to 192\.0\.2\.1, which is an address/]],
  },
  {
    about: 'the name of a Service that is not there',
    service: alias('web', 'db.default.svc.cluster.local'),
    says: [['Warning', 'ExternalNameUnknown', /there is no Service db in namespace default/]],
  },
  {
    about: 'the name of itself',
    service: alias('web', 'web.default.svc.cluster.local'),
    says: [['Warning', 'ExternalNameLoop', /leads to itself/]],
  },
  {
    about: 'names that lead to each other',
    service: alias('web', 'db.default.svc.cluster.local'),
    others: [alias('db', 'WEB.default.svc.cluster.local.')],
    says: [['Warning', 'ExternalNameLoop', /leads to default\/web -> default\/db -> default\/web/]],
  },
  {
    about: 'a name that leads into a loop which it is not part of',
    service: alias('web', 'db.default.svc.cluster.local'),
    others: [alias('db', 'db.default.svc.cluster.local')],
    says: [['Warning', 'ExternalNameLoop', /leads to default\/web -> default\/db -> default\/db/]],
  },
]

function metadata(labels: Readonly<Record<string, string>>): Service['metadata'] {
  return { name: 'web', namespace: 'default', labels }
}

function alias(name: string, externalName: string): Service {
  const spec = { type: 'ExternalName' as const, externalName }
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec }
}

function failingInit(): Pod {
  const { status, ...rest } = pod({
    state: { waiting: { reason: 'PodInitializing' } },
    spec: { initContainers: [{ name: 'setup', image: 'a' }] },
  })
  const state = { terminated: { exitCode: 3 } }
  const setup = { name: 'setup', ready: false, restartCount: 1, image: '', imageID: '', state }
  return { ...rest, status: { ...status!, initContainerStatuses: [setup] } }
}

for (const { about, says, ...facts } of CASES) {
  test(`told of ${about}: ${says.map(([, reason]) => reason).join() || 'nothing'}`, () => {
    const subject = facts.service ?? service()
    const all = [subject, ...(facts.others ?? [])]
    const find = (namespace: string, name: string) =>
      all.find((one) => one.metadata.namespace === namespace && one.metadata.name === name)
    const slices = facts.slices ?? []
    const told = complaintsOf({ service: subject, slices, pods: () => facts.pods ?? [], find, since: BORN })
    assert.deepEqual(
      told.map(({ type, reason }) => [type, reason]),
      says.map(([type, reason]) => [type, reason]),
    )
    for (const [index, [, , message]] of says.entries()) assert.match(told[index]?.message ?? '', message)
    if (says.length > 0) assert.equal(isSuspicious(subject, slices), true, 'it would be looked at')
  })
}

test('a healthy Service is not looked at', () => {
  assert.equal(isSuspicious(service(), [slice(true)]), false)
})

test('pods that only start have time for it; broken ones are told of earlier', () => {
  const at = (words: PodWords) => {
    const facts = { slices: [slice(false)], find: () => undefined, since: BORN + 1_000 }
    const [told] = complaintsOf({ ...facts, service: service(), pods: () => [pod(words)] })
    return (told?.notBefore ?? 0) - BORN
  }
  assert.equal(at({}), STARTING_MS)
  assert.equal(at({ state: { waiting: { reason: 'ContainerCreating' } } }), STARTING_MS)
  assert.equal(at({ container: { readinessProbe: { initialDelaySeconds: 40 } } }), STARTING_MS + 40_000)
  assert.equal(at({ state: { waiting: { reason: 'ImagePullBackOff' } } }), 1_000 + GRACE_MS)
})
