import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../../base/ip.ts'
import { NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroup, type SecurityGroupRule } from '../ecs/model.ts'
import { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS, type ElasticIp } from '../vpc/model.ts'
import { compileSecurity, type Direction, type PacketRule } from './security-plan.ts'

const INGRESS = { direction: 'ingress', policy: 'accept', priority: 1, protocol: 'all', portRange: '-1/-1' } as const

function group(id: string, rules: readonly Partial<SecurityGroupRule>[], type: SecurityGroup['type'] = 'normal') {
  const all = rules.map((rule, i): SecurityGroupRule => ({ id: `sgr-${i}`, ...INGRESS, ...rule }))
  return { id, name: '', vpcId: 'vpc-1', type, rules: all, tags: [], createdAt: 0 }
}

/** What the groups mean for interfaces, by address and the groups of each. */
function compiled(groups: readonly SecurityGroup[], cards: Readonly<Record<string, readonly string[]>>) {
  const state = CloudState.open()
  state.transact((transaction) => {
    for (const one of groups) transaction.put(SECURITY_GROUPS, one.id, one)
    for (const [address, securityGroupIds] of Object.entries(cards)) {
      transaction.put(NETWORK_INTERFACES, `eni-${address}`, {
        id: `eni-${address}`,
        name: '',
        type: 'Secondary',
        status: 'InUse',
        vSwitchId: 'vsw-1',
        macAddress: '',
        privateAddresses: [address],
        ipv6Addresses: [],
        securityGroupIds,
        tags: [],
        createdAt: 0,
      })
    }
  })
  return compileSecurity(state)
}

function words({ rules, otherwise }: Direction): string[] {
  const peer = (rule: PacketRule) =>
    rule.peer.kind === 'cidr' ? formatCidr(rule.peer.cidr) : `group ${rule.peer.group}`
  return [
    ...rules.map((rule) => [rule.verdict, rule.protocol, rule.ports?.join('-'), peer(rule)].filter(Boolean).join(' ')),
    otherwise,
  ]
}

test('rules go by priority, what drops before what accepts; a basic group trusts its members', () => {
  const plan = compiled(
    [
      group('sg-1', [
        { cidr: '10.0.0.0/8', priority: 2, protocol: 'tcp', portRange: '80/88' },
        { cidr: '10.1.0.0/16', priority: 2, policy: 'drop' },
        { cidr: '0.0.0.0/0', priority: 1, protocol: 'icmp' },
        { groupId: 'sg-2', priority: 3, protocol: 'udp', portRange: '-1/-1' },
        { cidr: '::/0' },
        { groupId: 'sg-gone' },
        { direction: 'egress', policy: 'drop', cidr: '192.0.2.0/24' },
      ]),
      group('sg-2', [], 'enterprise'),
    ],
    { '192.168.0.1': ['sg-1'], '192.168.0.2': ['sg-2'], '192.168.0.3': ['sg-1'], '192.168.0.4': [] },
  )
  const [first, second] = plan.policies
  assert.deepEqual(words(first?.ingress ?? assert.fail()), [
    'accept icmp 0.0.0.0/0',
    'drop 10.1.0.0/16',
    'accept tcp 80-88 10.0.0.0/8',
    'accept udp group 2',
    'accept group 1',
    'drop',
  ])
  assert.deepEqual(words(first?.egress ?? assert.fail()), ['drop 192.0.2.0/24', 'accept'])
  assert.deepEqual(words(second?.ingress ?? assert.fail()), ['drop'])
  assert.deepEqual(
    [...plan.members],
    [
      ['192.168.0.1', 1],
      ['192.168.0.2', 2],
      ['192.168.0.3', 1],
    ],
  )
  assert.deepEqual([...(plan.groups.get(1) ?? [])], ['192.168.0.1', '192.168.0.3'])
})

test('an interface in several groups may what any of them lets it', () => {
  const plan = compiled(
    [group('sg-1', [{ cidr: '10.0.0.0/8' }]), group('sg-2', [{ cidr: '172.16.0.0/12', priority: 5 }])],
    { '192.168.0.1': ['sg-2', 'sg-1'], '192.168.0.2': ['sg-1', 'sg-2'] },
  )
  assert.equal(plan.policies.length, 1, 'the order of groups means nothing')
  assert.deepEqual(words(plan.policies[0]?.ingress ?? assert.fail()), [
    'accept 10.0.0.0/8',
    'accept 172.16.0.0/12',
    'accept group 1',
    'accept group 2',
    'drop',
  ])
})

test("an EIP of a load balancer is not one that stands for an interface: what goes there is the load balancer's", () => {
  const state = CloudState.open()
  const eip = (address: string, binding?: ElasticIp['binding']): ElasticIp => ({
    allocationId: address,
    address,
    name: '',
    bandwidth: 5,
    internetChargeType: 'PayByTraffic',
    tags: [],
    createdAt: 0,
    ...(binding === undefined ? {} : { binding }),
  })
  const at = { instanceId: 'x', privateAddress: '192.168.0.9' }
  state.transact((transaction) => {
    for (const one of [
      eip('203.0.113.1', { instanceType: 'EcsInstance', ...at }),
      eip('203.0.113.2', { instanceType: 'NetworkInterface', ...at }),
      eip('203.0.113.3', { instanceType: 'Nlb', ...at }),
      eip('203.0.113.4', { instanceType: 'SlbInstance', ...at }),
      eip('203.0.113.5'),
    ]) {
      transaction.put(ELASTIC_IPS, one.allocationId, one)
    }
  })
  assert.deepEqual([...compileSecurity(state).elasticIps].sort(), ['203.0.113.1', '203.0.113.2'])
})
