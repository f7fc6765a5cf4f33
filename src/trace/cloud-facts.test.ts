/** Paths through a VPC whose cloud was asked: weights, lists of who may come, security groups, HAProxy, names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityGroupRule } from '../cloud/ecs/model.ts'
import { NETWORK_LOAD_BALANCERS, NLB_LISTENERS, SERVER_GROUPS } from '../cloud/nlb/model.ts'
import { LISTENERS } from '../cloud/slb/model.ts'
import type { CloudState } from '../cloud/state/cloud-state.ts'
import { cloudFacts } from './cloud-facts.ts'
import type { Hop } from './hop.ts'
import { type Prediction, routes } from './predict.ts'
import { type BalancerWords, type CloudWords, testCloud } from './test-cloud.ts'
import { asked, testWorld } from './test-world.ts'
import { predictionTree } from './tree.ts'

const WEB: BalancerWords = {
  name: 'web',
  address: '203.0.113.100',
  port: 80,
  protocol: 'tcp',
  nodePort: 30080,
  scheduler: 'wrr',
  weights: [100, 50, 0],
}
const FREE: CloudWords = { balancers: [WEB], ungrouped: true }

function ask(state: CloudState, from: string, to: string, unhealthy: readonly string[] = []): Prediction {
  const world = testWorld({
    services: [
      {
        name: 'web',
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }],
        ingress: ['203.0.113.100'],
      },
    ],
    pods: ([1, 2, 3] as const).map((node) => ({ name: `web-${node}`, labels: { app: 'web' }, node })),
    around: { publicAddresses: [{ eip: '203.0.113.1', address: '192.168.0.1' }] },
  })
  return asked({ ...world, cloud: cloudFacts(state, unhealthy) }, from, to)
}

/** `67 % 10.244.1.4:8080` */
function shares(prediction: Prediction): string[] {
  return routes(prediction).map(({ share, endpoint }) => `${Math.round(share * 100)} % ${endpoint}`)
}

function hop<K extends Hop['kind']>(prediction: Prediction, kind: K): Extract<Hop, { kind: K }> | undefined {
  return prediction.path?.hops.find((one): one is Extract<Hop, { kind: K }> => one.kind === kind)
}

test('weights are shares, and who has none gets nothing', () => {
  const prediction = ask(testCloud(FREE), 'internet', 'svc/web')
  assert.equal(prediction.verdict, 'reachable')
  assert.deepEqual(shares(prediction), ['67 % 10.244.1.4:8080', '33 % 10.244.2.5:8080'])
  assert.deepEqual(hop(prediction, 'balance')?.idle, [{ endpoint: '192.168.0.3:30080', why: 'weight 0' }])
  assert.match(
    predictionTree(prediction).join('\n'),
    /lb-web of Service default\/web.*192\.168\.0\.3:30080 \(weight 0\)/,
  )
})

test('round robin counts no weights; what does not answer health checks is left out', () => {
  const state = testCloud({ ...FREE, balancers: [{ ...WEB, scheduler: 'rr', weights: [100, 50, 1] }] })
  const prediction = ask(state, 'internet', 'svc/web', ['lb-web/tcp/80 i-2:30080'])
  assert.deepEqual(shares(prediction), ['50 % 10.244.1.4:8080', '50 % 10.244.3.6:8080'])
  assert.deepEqual(hop(prediction, 'balance')?.idle, [{ endpoint: '192.168.0.2:30080', why: 'unhealthy' }])
})

test('a listener whose backends all rest refuses, and names them', () => {
  const { verdict, cause } = ask(
    testCloud({ ...FREE, balancers: [{ ...WEB, weights: [0, undefined, 0] }] }),
    'internet',
    'svc/web',
  )
  assert.deepEqual([verdict, cause?.code], ['refused', 'no-backend'])
  assert.match(cause?.sentence ?? '', /192\.168\.0\.1:30080 \(weight 0\), 192\.168\.0\.3:30080 \(weight 0\)/)
})

test('lists of who may come: the refusal names the list, its entry, the Service and the annotation', () => {
  const black = { type: 'black', cidrs: ['10.0.0.0/8', '198.51.100.0/24'] } as const
  const stranger = ask(testCloud({ ...FREE, balancers: [{ ...WEB, acl: black }] }), 'internet', 'svc/web')
  assert.deepEqual([stranger.verdict, stranger.cause?.code], ['dropped', 'access-list'])
  assert.equal(
    stranger.cause?.sentence,
    'load balancer lb-web of Service default/web lets in nobody who is on black list acl-web (list of web), which has 198.51.100.2 in entry 198.51.100.0/24 of acl-web',
  )
  assert.deepEqual([stranger.cause?.object?.kind, stranger.cause?.object?.name], ['Service', 'web'])
  assert.match(stranger.cause?.field ?? '', /alibaba-cloud-loadbalancer-acl-id/)
  const white = { type: 'white', cidrs: ['10.0.0.0/8'] } as const
  const outside = ask(testCloud({ ...FREE, balancers: [{ ...WEB, acl: white }] }), 'internet', 'svc/web')
  assert.equal(outside.verdict, 'dropped')
  assert.match(
    outside.cause?.sentence ?? '',
    /white list acl-web \(list of web\), which has 10\.0\.0\.0\/8 and not 198/,
  )
  const inside = { type: 'white', cidrs: ['198.51.100.0/24'] } as const
  assert.equal(
    ask(testCloud({ ...FREE, balancers: [{ ...WEB, acl: inside }] }), 'internet', 'svc/web').verdict,
    'reachable',
  )
})

test('a listener that was stopped is told', () => {
  const state = testCloud({ ...FREE, balancers: [WEB, { ...WEB, name: 'other', port: 81 }] })
  state.transact((transaction) => {
    const web = transaction.get(LISTENERS, 'lb-web/tcp/80')!
    transaction.put(LISTENERS, 'lb-web/tcp/80', { ...web, status: 'stopped' })
  })
  const { verdict, cause } = ask(state, 'internet', 'svc/web')
  assert.deepEqual([verdict, cause?.code], ['refused', 'no-listener'])
})

test('a load balancer that the cloud does not have leaves its address to nobody', () => {
  const { verdict, cause } = ask(testCloud({ ungrouped: true }), 'internet', 'svc/web')
  assert.deepEqual([verdict, cause?.code, cause?.field], ['unreachable', 'no-route', 'status.loadBalancer'])
})

test('HAProxy: its own connection, the headers that backends see, the cookie that binds', () => {
  const forwardedFor = { proto: true, slbPort: true, slbIp: false, slbId: true, clientSrcPort: false }
  const layer7 = { forwardedFor, stickySession: { type: 'insert', timeout: 60 } } as const
  const http: BalancerWords = { ...WEB, protocol: 'http', layer7 }
  const prediction = ask(testCloud({ ...FREE, balancers: [http] }), 'internet', 'svc/web')
  assert.equal(prediction.verdict, 'reachable')
  assert.deepEqual(hop(prediction, 'proxy')?.headers, [
    'X-Forwarded-For: 198.51.100.2',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Port: 80',
    'SLB-ID: lb-web',
  ])
  const { next } = prediction.path!
  assert.ok(next.kind === 'choice')
  assert.match(next.because ?? '', /scheduler wrr; whoever brings cookie SERVERID stays with its backend/)
  assert.equal(next.affinitySeconds, 60)
  const [first] = routes(prediction)
  assert.ok(first?.end.kind === 'delivered')
  assert.equal(first.end.flow.source, '100.64.0.1', 'policy Local: the pod sees HAProxy')
  const refusing = { ...http, acl: { type: 'black', cidrs: ['198.51.100.0/24'] } } as const
  const stranger = ask(testCloud({ ...FREE, balancers: [refusing] }), 'internet', 'svc/web')
  assert.deepEqual([stranger.verdict, stranger.cause?.code], ['refused', 'access-list'])
  const redirecting = { ...http, layer7: { ...layer7, forwardPort: 443 } }
  const redirected = ask(testCloud({ ...FREE, balancers: [redirecting] }), 'internet', 'svc/web')
  assert.match(hop(redirected, 'proxy')?.does ?? '', /redirect \(301\) to https on port 443/)
})

const TUNNEL: Partial<SecurityGroupRule> = { protocol: 'udp', portRange: '8472/8472', cidr: '192.168.0.0/24' }
const TUNNELS = [TUNNEL, { ...TUNNEL, direction: 'egress' }] as const

test('security groups: the refusal names the group and the rule, or that there is none', () => {
  const none = ask(testCloud({ rules: TUNNELS }), 'internet', '203.0.113.1:30080')
  assert.deepEqual(
    [none.verdict, none.cause?.code, none.cause?.object?.name],
    ['dropped', 'security-group', 'sg-nodes'],
  )
  assert.match(
    none.cause?.sentence ?? '',
    /sg-nodes does not let 198\.51\.100\.2 in to 192\.168\.0\.1, TCP port 30080: no rule/,
  )
  const accept = { protocol: 'tcp', portRange: '30000/32767', cidr: '0.0.0.0/0', priority: 2 } as const
  assert.equal(ask(testCloud({ rules: [...TUNNELS, accept] }), 'internet', '203.0.113.1:30080').verdict, 'reachable')
  const drop = { ...accept, policy: 'drop', cidr: '198.51.100.0/24' } as const
  const dropped = ask(testCloud({ rules: [...TUNNELS, accept, drop] }), 'internet', '203.0.113.1:30080')
  assert.match(
    dropped.cause?.sentence ?? '',
    /: rule sgr-3 \(drop tcp 30000\/32767 of 198\.51\.100\.0\/24, priority 2\)$/,
  )
})

test('security groups let pass what a load balancer sends to its backends', () => {
  assert.equal(ask(testCloud({ balancers: [WEB], rules: TUNNELS }), 'internet', 'svc/web').verdict, 'reachable')
})

test('a group that stops the tunnel between nodes stops their pods', () => {
  const { verdict, cause } = ask(testCloud({}), 'web-1', 'pod/web-2:8080')
  assert.deepEqual([verdict, cause?.code], ['dropped', 'security-group'])
  assert.match(cause?.sentence ?? '', /does not let 192\.168\.0\.1 out to 192\.168\.0\.2, UDP port 8472/)
})

/** A Network Load Balancer with an address in one zone, that sends to node 1. */
function withNlb(state: CloudState, range?: { readonly first: number; readonly last: number }): CloudState {
  const common = { tags: [], createdAt: 0, resourceGroupId: 'rg-1' }
  const protection = { enabled: false }
  state.transact((transaction) => {
    const zone = { zoneId: 'zone-1', vSwitchId: 'vsw-1', privateAddress: '192.168.0.77', eniId: 'eni-77' }
    const place = { name: 'n', vpcId: 'vpc-1', zones: [zone], crossZoneEnabled: true, securityGroupIds: ['sg-nodes'] }
    const protections = { deletionProtection: protection, modificationProtection: protection }
    const balancer = { id: 'nlb-1', addressType: 'Intranet' as const, ...place, ...protections, ...common }
    transaction.put(NETWORK_LOAD_BALANCERS, 'nlb-1', balancer as never)
    const server = {
      serverType: 'Ecs',
      serverId: 'i-1',
      serverIp: '192.168.0.1',
      port: range === undefined ? 30080 : 0,
      weight: 100,
    }
    const group = {
      id: 'sgp-1',
      scheduler: 'Wrr',
      preserveClientIp: true,
      servers: [server],
      healthCheck: { type: 'off' },
    }
    transaction.put(SERVER_GROUPS, 'sgp-1', { ...group, ...common } as never)
    const listener = { id: 'lsn-1', loadBalancerId: 'nlb-1', port: 80, protocol: 'TCP', status: 'Running' }
    const idle = { serverGroupId: 'sgp-1', idleTimeout: 900, proxyProtocol: false }
    const ports = range === undefined ? {} : { port: 0, range }
    transaction.put(NLB_LISTENERS, 'lsn-1', { ...listener, ...ports, ...idle, ...common } as never)
  })
  return state
}

test('names of Network Load Balancers are answered, and their groups say who may come', () => {
  const name = 'nlb-1.cn-hangzhou.nlb.aliyuncs.com'
  const cidr = { protocol: 'tcp', portRange: '80/80', cidr: '10.244.0.0/16', priority: 2 } as const
  const node = { ...cidr, cidr: '192.168.0.3/32' }
  const state = withNlb(testCloud({ rules: [...TUNNELS, cidr, node] }))
  const [[known] = []] = [[...cloudFacts(state).names.keys()]]
  const prediction = ask(state, 'web-3', `http://${known ?? name}/`)
  assert.deepEqual([prediction.verdict, prediction.resolution?.addresses], ['reachable', ['192.168.0.77']])
  assert.deepEqual(shares(prediction), ['100 % 10.244.1.4:8080'])
  const other = ask(state, 'web-2', `http://${known ?? name}/`)
  assert.deepEqual(
    [other.verdict, other.cause?.code, other.cause?.object?.name],
    ['dropped', 'security-group', 'sg-nodes'],
  )
  assert.match(other.cause?.sentence ?? '', /of load balancer nlb-1 does not let 192\.168\.0\.2 in to port 80/)
})

test('a listener for many ports sends on to the port that was called', () => {
  const state = withNlb(testCloud({ ungrouped: true, rules: [{ cidr: '0.0.0.0/0' }] }), { first: 30_000, last: 30_100 })
  const prediction = ask(state, 'web-3', '192.168.0.77:30080')
  assert.equal(prediction.verdict, 'reachable')
  assert.deepEqual(shares(prediction), ['100 % 10.244.1.4:8080'])
  assert.equal(hop(prediction, 'balance')?.listener, '192.168.0.77:30000-30100/tcp')
  const beyond = ask(state, 'web-3', '192.168.0.77:30101')
  assert.notEqual(beyond.verdict, 'reachable')
  assert.equal(hop(beyond, 'balance'), undefined)
})
