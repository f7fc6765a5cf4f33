import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DesiredListener, DesiredModel, ObservedListener, ObservedModel } from '../model.ts'
import { ownedName } from '../names.ts'
import { type DiffRules, diffModels } from './diff-models.ts'
import { CLB_GROUP_CALLS } from './group-diff.ts'

const owner = { service: 'web', namespace: 'default', clusterId: 'c1' }
const rules: DiffRules = {
  owner,
  compat: false,
  clusterId: 'c1',
  defaultName: 'a1',
  batchSize: 2,
  ignoreWeights: false,
  calls: CLB_GROUP_CALLS,
  aclName: 'k8s-clb-a1',
  isThere: () => true,
}
const name = ownedName(30080, owner)
const server = (serverId: string, weight = 100) => ({
  type: 'ecs' as const,
  serverId,
  port: 30080,
  weight,
  description: name,
})
const listener = (port: number, settings: Record<string, string> = { Scheduler: 'rr' }): DesiredListener => ({
  port,
  protocol: 'tcp',
  description: ownedName(port, owner),
  groupName: name,
  settings,
  initial: {},
})
const desired = (change: Partial<DesiredModel> = {}): DesiredModel => ({
  settings: {},
  tags: [],
  droppedTags: [],
  groups: [{ name, backends: [server('i-1'), server('i-2'), server('i-3')], isIncomplete: false }],
  listeners: [listener(80)],
  ...change,
})
const seen = (port: number, change: Partial<ObservedListener> = {}): ObservedListener => ({
  port,
  protocol: 'tcp',
  description: ownedName(port, owner),
  isRunning: true,
  groupId: 'rsp-1',
  settings: { Scheduler: 'rr' },
  ...change,
})
const observed = (change: Partial<ObservedModel> = {}): ObservedModel => ({
  instance: {
    id: 'lb-1',
    address: '203.0.113.1',
    settings: {},
    tags: [
      { key: 'kubernetes.do.not.delete', value: 'a1' },
      { key: 'ack.aliyun.com', value: 'c1' },
    ],
  },
  groups: [{ id: 'rsp-1', name, backends: [server('i-1'), server('i-2'), server('i-3')] }],
  otherServers: 0,
  listeners: [seen(80)],
  ...change,
})
const actions = (a: DesiredModel, b: ObservedModel, change: Partial<DiffRules> = {}) =>
  diffModels(a, b, { ...rules, ...change }).steps.map(({ action }) => action)

test('what is as it should be needs no call', () => {
  assert.deepEqual(diffModels(desired(), observed(), rules), { steps: [], refusals: [] })
})

test('on an empty instance: group, servers in batches, listener, start', () => {
  assert.deepEqual(actions(desired(), observed({ groups: [], listeners: [] })), [
    'CreateVServerGroup',
    'AddVServerGroupBackendServers',
    'AddVServerGroupBackendServers',
    'CreateLoadBalancerTCPListener',
    'StartLoadBalancerListener',
  ])
})

test('servers are added before others are removed, then changed; an incomplete list removes nobody', () => {
  const backends = [server('i-1', 50), server('i-4')]
  const group = { name, backends, isIncomplete: false }
  assert.deepEqual(actions(desired({ groups: [group] }), observed()), [
    'AddVServerGroupBackendServers',
    'RemoveVServerGroupBackendServers',
    'SetVServerGroupAttribute',
  ])
  assert.deepEqual(actions(desired({ groups: [{ ...group, isIncomplete: true }] }), observed()), [
    'AddVServerGroupBackendServers',
    'SetVServerGroupAttribute',
  ])
  assert.deepEqual(actions(desired({ groups: [group] }), observed(), { ignoreWeights: true }), [
    'AddVServerGroupBackendServers',
    'RemoveVServerGroupBackendServers',
  ])
})

test('servers that people added stay, and so does a group that holds them', () => {
  const people = { ...server('i-9'), description: 'by hand' }
  const group = { id: 'rsp-1', name, backends: [server('i-1'), people] }
  const one = { name, backends: [server('i-1')], isIncomplete: false }
  assert.deepEqual(actions(desired({ groups: [one] }), observed({ groups: [group] })), [])
  const [step, ...others] = diffModels(
    desired({ groups: [], listeners: [] }),
    observed({ groups: [group], listeners: [] }),
    rules,
  ).steps
  assert.deepEqual(others, [])
  assert.equal(step?.action, 'RemoveVServerGroupBackendServers')
  assert.doesNotMatch(String(step?.parameters.BackendServers), /i-9/)
})

test('a port that moves: old listener first, then the new one; the unused group last', () => {
  const moved = desired({
    listeners: [listener(81)],
    groups: [{ name: ownedName(30081, owner), backends: [], isIncomplete: false }],
  })
  const renamed = {
    ...moved,
    listeners: moved.listeners.map((one) => ({ ...one, groupName: ownedName(30081, owner) })),
  }
  assert.deepEqual(actions(renamed, observed()), [
    'CreateVServerGroup',
    'DeleteLoadBalancerListener',
    'CreateLoadBalancerTCPListener',
    'StartLoadBalancerListener',
    'DeleteVServerGroup',
  ])
})

test('a redirecting listener is made after its target and deleted before it', () => {
  const { groupName: _, ...bare } = listener(80, { ListenerForward: 'on', ForwardPort: '443' })
  const http: DesiredListener = { ...bare, protocol: 'http' }
  const https: DesiredListener = { ...listener(443), protocol: 'https' }
  assert.deepEqual(actions(desired({ listeners: [http, https] }), observed({ listeners: [] })), [
    'CreateLoadBalancerHTTPSListener',
    'StartLoadBalancerListener',
    'CreateLoadBalancerHTTPListener',
    'StartLoadBalancerListener',
  ])
  const there = [
    seen(443, { protocol: 'https' }),
    seen(80, { protocol: 'http', settings: { ListenerForward: 'on', ForwardPort: '443' }, groupId: '' }),
  ]
  const { steps } = diffModels(desired({ listeners: [] }), observed({ listeners: there }), rules)
  assert.deepEqual(
    steps.map(({ parameters }) => parameters.ListenerPort),
    [80, 443],
  )
  assert.deepEqual(actions(desired({ listeners: [http, https] }), observed({ listeners: there })), [])
})

test('listeners that people made on other ports stay; a stopped one of ours is started', () => {
  const people = seen(9000, { description: 'mine', groupId: 'rsp-9' })
  assert.deepEqual(actions(desired(), observed({ listeners: [seen(80, { isRunning: false }), people] })), [
    'StartLoadBalancerListener',
  ])
})

test('someone else holds the port: refused with the holder, unless that Service is no more', () => {
  const reuse = { id: 'lb-1', override: true }
  const held = observed({ listeners: [seen(80, { description: 'k8s/80/other/default/c1' })] })
  const { refusals } = diffModels(desired({ reuse }), held, rules)
  assert.match(refusals[0] ?? '', /port 80 of load balancer lb-1 is held by the Service default\/other/)
  assert.deepEqual(diffModels(desired({ reuse }), held, { ...rules, isThere: () => false }).refusals, [])
  const elsewhere = observed({ listeners: [seen(80, { description: 'k8s/80/other/default/c2' })] })
  assert.match(
    diffModels(desired({ reuse }), elsewhere, { ...rules, isThere: () => false }).refusals[0] ?? '',
    /of cluster c2/,
  )
})

test('without override no listener of a reused instance is touched', () => {
  const reuse = { id: 'lb-1', override: false }
  assert.deepEqual(actions(desired({ reuse }), observed({ listeners: [] })), ['TagResources'])
})

test('source ranges: what is new is let in before what is old is shut out', () => {
  const ranged = desired({ sourceRanges: ['10.0.0.0/8', '172.16.0.0/12'] })
  assert.deepEqual(actions(ranged, observed({ acl: { id: 'acl-1', entries: ['10.0.0.0/8', '1.2.3.4/32'] } })), [
    'AddAccessControlListEntry',
    'RemoveAccessControlListEntry',
    'SetLoadBalancerTCPListenerAttribute',
  ])
})
