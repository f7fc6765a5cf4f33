import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import { nodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import type { Backends, PortPlan, ServicePlan } from './service-plan.ts'
import { aService, aSlice, type EndpointWords, type ServiceWords } from './test-objects.ts'

const NODE = { name: 'n1', addresses: ['192.168.0.1', 'fd00:192::1'], podCidrs: ['10.244.1.0/24'] }
const tcp = [{ name: 'tcp', protocol: 'TCP', port: 80 }] as const
const WEB: ServiceWords = { clusterIP: '10.96.0.1', ports: tcp }

function portsOf(plan: ServicePlan): readonly PortPlan[] {
  assert.equal(plan.kind, 'programmed')
  return plan.kind === 'programmed' ? plan.ports : []
}

function plan(words: ServiceWords, ...slices: EndpointSlice[]): readonly PortPlan[] {
  return portsOf(planService(aService('web', words), slices, NODE))
}

function addresses(backends: Backends | undefined): string[] | string {
  return backends?.kind === 'endpoints'
    ? backends.endpoints.map(({ address }) => address)
    : (backends?.reason ?? 'none')
}

const of = (...endpoints: EndpointWords[]) => aSlice('web', endpoints)

describe('which Services are left alone', () => {
  for (const [reason, words] of [
    ['external-name', { type: 'ExternalName' }],
    ['headless', { clusterIP: 'None' }],
    ['headless', { ...WEB, labels: { 'service.kubernetes.io/headless': '' } }],
    ['another-proxy', { ...WEB, labels: { 'service.kubernetes.io/service-proxy-name': 'x' } }],
  ] as const) {
    test(`${reason}: ${JSON.stringify(words)}`, () => {
      assert.deepEqual(planService(aService('web', words), [], NODE), { kind: 'skipped', reason })
    })
  }
})

describe('which endpoints take connections', () => {
  test('the ready ones; one whose readiness nobody told is ready', () => {
    const slice = of({ ip: '10.244.1.1' }, { ip: '10.244.1.2', ready: false })
    const silent = { ...aSlice('web', [], 'y'), endpoints: [{ addresses: ['10.244.1.3'] }] }
    assert.deepEqual(addresses(plan(WEB, slice, silent)[0]?.cluster), ['10.244.1.1', '10.244.1.3'])
  })

  test('none ready: those that serve while they terminate', () => {
    const leaving = { ready: false, serving: true, terminating: true }
    const slice = of({ ip: '10.244.1.1', ...leaving }, { ip: '10.244.1.2', ready: false })
    const [port] = plan(WEB, slice)
    assert.deepEqual(addresses(port?.cluster), ['10.244.1.1'])
    assert.equal(port?.cluster.kind === 'endpoints' && port.cluster.because, 'terminating')
    assert.deepEqual(addresses(plan(WEB, of({ ip: '10.244.1.1', ...leaving }, { ip: '10.244.1.2' }))[0]?.cluster), [
      '10.244.1.2',
    ])
  })

  test('none at all: refused, and it is told why', () => {
    assert.deepEqual(plan(WEB)[0]?.cluster, { kind: 'reject', reason: 'no-endpoints' })
    assert.deepEqual(plan(WEB, of({ ip: '10.244.1.1', ready: false }))[0]?.cluster, {
      kind: 'reject',
      reason: 'no-ready-endpoints',
    })
  })

  test('policy Local: those of this node, dropped when only others have some, refused when nobody has', () => {
    const words: ServiceWords = { ...WEB, internalTrafficPolicy: 'Local' }
    const here = { ip: '10.244.1.1', node: 'n1' }
    const there = { ip: '10.244.2.1', node: 'n2' }
    assert.deepEqual(addresses(plan(words, of(here, there))[0]?.local), ['10.244.1.1'])
    assert.deepEqual(plan(words, of(there))[0]?.local, { kind: 'drop', reason: 'no-local-endpoints' })
    assert.deepEqual(plan(words)[0]?.local, { kind: 'reject', reason: 'no-endpoints' })
    const leaving = { ...here, ready: false, serving: true, terminating: true }
    assert.deepEqual(addresses(plan(words, of(leaving, there))[0]?.local), ['10.244.1.1'])
  })

  test('an address in two slices counts once, ready if it is in one', () => {
    const first = aSlice('web', [{ ip: '10.244.1.1', ready: false }], 'a')
    const second = aSlice('web', [{ ip: '10.244.1.1' }, { ip: '10.244.1.2' }], 'b')
    assert.deepEqual(addresses(plan(WEB, first, second)[0]?.cluster), ['10.244.1.1', '10.244.1.2'])
    assert.deepEqual(plan(WEB, second, first), plan(WEB, first, second), 'the order of slices does not matter')
  })

  test('ports are matched by name and protocol, also where they differ by slice', () => {
    const odd = {
      ...aSlice('web', ['10.244.1.9'], 'z'),
      ports: [{ name: 'tcp', protocol: 'TCP', port: 9999 } as const],
    }
    const udpOnly = {
      ...aSlice('web', ['10.244.1.8'], 'u'),
      ports: [{ name: 'tcp', protocol: 'UDP', port: 1 } as const],
    }
    const [port] = plan(WEB, of({ ip: '10.244.1.1' }), odd, udpOnly)
    assert.deepEqual(
      port?.cluster.kind === 'endpoints' && port.cluster.endpoints.map((one) => `${one.address}:${one.port}`),
      ['10.244.1.1:8080', '10.244.1.9:9999'],
    )
  })

  test('slices of other families, for other proxies and with bad addresses are no obstacle', () => {
    const bad = aSlice('web', ['10.244.1.300', '10.244.1.2'], 'bad')
    const fqdn = { ...aSlice('web', ['host.example'], 'f'), addressType: 'FQDN' } as const
    const labelled = aSlice('web', ['10.244.1.7'], 'l')
    const other = {
      ...labelled,
      metadata: { ...labelled.metadata, labels: { ...labelled.metadata.labels, 'service.kubernetes.io/headless': '' } },
    }
    const result = planService(aService('web', WEB), [bad, fqdn, other, aSlice('web', ['fd00::1'], '6')], NODE)
    assert.deepEqual(addresses(portsOf(result)[0]?.cluster), ['10.244.1.2'])
    assert.deepEqual(result.kind === 'programmed' && result.problems, [
      {
        object: 'EndpointSlice',
        name: 'default/web-bad',
        reason: 'InvalidAddress',
        message: 'Endpoint address "10.244.1.300" is not an IPv4 address',
      },
    ])
  })
})

describe('what answers, for whom', () => {
  const frontends = (words: ServiceWords) =>
    plan(words).flatMap((port) =>
      port.frontends.map(({ source, address, port: number }) => `${source} ${address} ${number}`),
    )

  test('each family has its own addresses', () => {
    const words: ServiceWords = {
      ports: [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }],
      type: 'NodePort',
      clusterIPs: ['10.96.0.1', 'fd00:10:96::1'],
      externalIPs: ['203.0.113.9', '2001:DB8::9'],
    }
    assert.deepEqual(frontends(words), [
      'ClusterIP 10.96.0.1 80',
      'ExternalIP 203.0.113.9 80',
      'NodePort 192.168.0.1 30080',
      'ClusterIP fd00:10:96::1 80',
      'ExternalIP 2001:db8::9 80',
      'NodePort fd00:192::1 30080',
    ])
  })

  test('a load balancer in front keeps its address to itself with ipMode Proxy', () => {
    const service = aService('web', { ...WEB, type: 'LoadBalancer' })
    const ingress = [{ ip: '203.0.113.1' }, { ip: '203.0.113.2', ipMode: 'Proxy' }, { hostname: 'lb.example' }] as const
    const [port] = portsOf(planService({ ...service, status: { loadBalancer: { ingress } } }, [], NODE))
    assert.deepEqual(
      port?.frontends.map(({ address }) => address),
      ['10.96.0.1', '203.0.113.1'],
    )
  })

  test('a ClusterIP sees pods as they are and masquerades others, if pods can be told', () => {
    const [told] = plan(WEB)
    assert.deepEqual(told?.frontends[0]?.clients.pod.masquerade, false)
    assert.deepEqual(told?.frontends[0]?.clients.node.masquerade, true)
    const [untold] = portsOf(planService(aService('web', WEB), [], { ...NODE, podCidrs: [] }))
    assert.deepEqual(untold?.frontends[0]?.clients.node.masquerade, false)
  })

  test('external addresses: Cluster masquerades all, Local nobody outside and sends insiders everywhere', () => {
    const ports = [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }] as const
    const clients = (externalTrafficPolicy: 'Cluster' | 'Local') =>
      plan({ ...WEB, type: 'NodePort', ports, externalTrafficPolicy })[0]?.frontends[1]?.clients
    assert.deepEqual(
      Object.values(clients('Cluster') ?? {}).map(({ masquerade, scope }) => [scope, masquerade]),
      [
        ['cluster', true],
        ['cluster', true],
        ['cluster', true],
      ],
    )
    const local = clients('Local')
    assert.deepEqual([local?.outside.scope, local?.outside.masquerade], ['local', false])
    assert.deepEqual([local?.pod.scope, local?.pod.masquerade], ['cluster', false])
    assert.deepEqual([local?.node.scope, local?.node.masquerade], ['cluster', true])
  })
})

test("a node's primary addresses are the first of each family, internal ones first", () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDR: '10.244.1.0/24' },
    status: {
      addresses: [
        { type: 'ExternalIP', address: '203.0.113.5' },
        { type: 'Hostname', address: 'n1' },
        { type: 'InternalIP', address: '192.168.0.1' },
        { type: 'InternalIP', address: '192.168.0.2' },
        { type: 'ExternalIP', address: '2001:DB8::5' },
      ],
    },
  } as const
  const expected = { name: 'n1', addresses: ['192.168.0.1', '2001:db8::5'], podCidrs: ['10.244.1.0/24'] }
  assert.deepEqual(nodeView('n1', node), expected)
  assert.deepEqual(nodeView('n1', undefined), { name: 'n1', addresses: [], podCidrs: [] })
})
