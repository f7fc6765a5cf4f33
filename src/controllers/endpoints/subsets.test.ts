import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod, Service } from '../../kube/types/core.ts'
import { endpointsFor } from './endpoints-for.ts'
import { endpointSubsets, truncate } from './subsets.ts'

function service(spec: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: {
      clusterIP: '10.96.0.5',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
      ...spec,
    },
  }
}

function pod(name: string, shape: { ready?: boolean; deleting?: boolean; port?: number; ips?: string[] } = {}): Pod {
  const { ready = true, deleting = false, port = 8080, ips = [`10.244.0.${name}`] } = shape
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...(deleting ? { deletionTimestamp: 'now' } : {}) },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: port }] }] },
    status: {
      phase: 'Running',
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

const shape = (subsets: ReturnType<typeof endpointSubsets>) =>
  subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => [
    addresses.map(({ ip }) => ip),
    notReadyAddresses.map(({ ip }) => ip),
    ports.map(({ port }) => port),
  ])

test('ready and not ready addresses stand in one subset, sorted; terminating pods are left out', () => {
  const subsets = endpointSubsets(service(), [
    pod('3'),
    pod('1', { ready: false }),
    pod('2'),
    pod('4', { deleting: true }),
  ])
  assert.deepEqual(shape(subsets), [[['10.244.0.2', '10.244.0.3'], ['10.244.0.1'], [8080]]])
  assert.deepEqual(subsets[0]?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }])
  assert.deepEqual(subsets[0]?.addresses?.[0], {
    ip: '10.244.0.2',
    nodeName: 'n1',
    targetRef: { kind: 'Pod', namespace: 'default', name: '2', uid: 'uid-2' },
  })
})

test('ports with the same addresses share a subset, others have their own', () => {
  const two = service({
    ports: [
      { name: 'a', port: 80, targetPort: 8080 },
      { name: 'b', port: 81, targetPort: 9090 },
    ],
  })
  assert.deepEqual(shape(endpointSubsets(two, [pod('1')])), [[['10.244.0.1'], [], [8080, 9090]]])
  const named = shape(endpointSubsets(service(), [pod('1'), pod('2', { port: 9090 })]))
  assert.deepEqual(named, [
    [['10.244.0.1'], [], [8080]],
    [['10.244.0.2'], [], [9090]],
  ])
})

test('not ready addresses that are published count as ready, terminating ones too', () => {
  const published = service({ publishNotReadyAddresses: true })
  const subsets = endpointSubsets(published, [pod('1', { ready: false }), pod('2', { deleting: true })])
  assert.deepEqual(shape(subsets), [[['10.244.0.1', '10.244.0.2'], [], [8080]]])
})

test('only the primary family; a headless Service without ports has addresses all the same', () => {
  const dual = pod('1', { ips: ['10.244.0.1', 'fd00::1'] })
  assert.deepEqual(shape(endpointSubsets(service({ ipFamilies: ['IPv6', 'IPv4'] }), [dual])), [
    [['fd00::1'], [], [8080]],
  ])
  assert.deepEqual(shape(endpointSubsets(service({ clusterIP: 'None', ports: [] }), [pod('1')])), [
    [['10.244.0.1'], [], []],
  ])
  assert.deepEqual(endpointSubsets(service({ ports: [] }), [pod('1')]), [])
})

test('too many addresses: ready ones are kept first, and the object says that it is cut', () => {
  const subsets = [
    { addresses: [{ ip: '1' }, { ip: '2' }, { ip: '3' }], notReadyAddresses: [{ ip: '4' }, { ip: '5' }], ports: [] },
  ]
  const { subsets: cut, truncated } = truncate(subsets, 4)
  assert.ok(truncated)
  assert.deepEqual(shape(cut), [[['1', '2', '3'], ['4'], []]])
  assert.deepEqual(truncate(subsets, 5), { subsets, truncated: false })
  const many = Array.from({ length: 1001 }, (_, index) =>
    pod(`${index}`, { ips: [`10.${index >> 8}.0.${index & 255}`] }),
  )
  const object = endpointsFor(service(), many, undefined)
  assert.equal(object.subsets?.[0]?.addresses?.length, 1000)
  assert.equal(object.metadata.annotations?.['endpoints.kubernetes.io/over-capacity'], 'truncated')
})

test("labels: the Service's, who manages it, and headless where it is", () => {
  assert.deepEqual(endpointsFor(service(), [], undefined).metadata.labels, {
    app: 'web',
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
  })
  const headless = endpointsFor(service({ clusterIP: 'None' }), [], undefined)
  assert.equal(headless.metadata.labels?.['service.kubernetes.io/headless'], '')
})
