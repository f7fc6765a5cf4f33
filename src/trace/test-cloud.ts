/** For tests: the state of a cloud with the nodes of the test's cluster, in few words; two of them have EIPs. */
import { INSTANCES, NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroupRule } from '../cloud/ecs/model.ts'
import {
  ACCESS_CONTROL_LISTS,
  type Layer7Settings,
  LISTENERS,
  type Listener,
  LOAD_BALANCERS,
  type LoadBalancer,
  listenerKey,
  VSERVER_GROUPS,
} from '../cloud/slb/model.ts'
import { CloudState } from '../cloud/state/cloud-state.ts'
import { ELASTIC_IPS } from '../cloud/vpc/model.ts'

export interface BalancerWords {
  /** `lb-NAME` */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly protocol: Listener['protocol']
  /** Port of the nodes. */
  readonly nodePort: number
  readonly scheduler?: Listener['scheduler']
  /** Of node 1, 2, 3; left out: not a backend. */
  readonly weights: readonly (number | undefined)[]
  readonly acl?: { readonly type: 'white' | 'black'; readonly cidrs: readonly string[] }
  readonly layer7?: Partial<Layer7Settings>
}

export interface CloudWords {
  readonly balancers?: readonly BalancerWords[]
  /** Rules of the group that all nodes are in; without any it lets everything pass. */
  readonly rules?: readonly Partial<SecurityGroupRule>[]
  /** Nodes are in no group. */
  readonly ungrouped?: boolean
}

const common = { tags: [], createdAt: 0 }

export function testCloud({ balancers = [], rules = [], ungrouped = false }: CloudWords): CloudState {
  const state = CloudState.open()
  state.transact((transaction) => {
    const all = rules.map((rule, index): SecurityGroupRule => ({ id: `sgr-${index}`, ...ANY, ...rule }))
    const group = { id: 'sg-nodes', name: 'nodes', vpcId: 'vpc-1', type: 'enterprise' as const, rules: all, ...common }
    transaction.put(SECURITY_GROUPS, group.id, group)
    const securityGroupIds = ungrouped ? [] : [group.id]
    for (const number of [1, 2, 3]) {
      const id = `i-${number}`
      const place = { name: `node-${number}`, vSwitchId: 'vsw-1', vpcId: 'vpc-1', zoneId: 'zone-1' }
      const machine = { id, instanceType: 'ecs.c7.large', status: 'Running' as const, securityGroupIds, ...place }
      transaction.put(INSTANCES, id, { ...machine, ...common })
      const addresses = { privateAddresses: [`192.168.0.${number}`], ipv6Addresses: [], macAddress: '' }
      const card = { id: `eni-${number}`, type: 'Primary' as const, status: 'InUse' as const, instanceId: id }
      transaction.put(NETWORK_INTERFACES, card.id, { ...card, ...addresses, ...place, securityGroupIds, ...common })
    }
    for (const number of [1, 2]) {
      const allocationId = `eip-${number}`
      const privateAddress = `192.168.0.${number}`
      const binding = { instanceType: 'EcsInstance' as const, instanceId: `i-${number}`, privateAddress }
      const traffic = { bandwidth: 5, internetChargeType: 'PayByTraffic' as const, binding }
      const place = { allocationId, address: `203.0.113.${number}`, name: '' }
      transaction.put(ELASTIC_IPS, allocationId, { ...place, ...traffic, ...common })
    }
    for (const words of balancers) {
      const id = `lb-${words.name}`
      transaction.put(LOAD_BALANCERS, id, loadBalancer(id, words))
      transaction.put(VSERVER_GROUPS, `rsp-${words.name}`, serverGroup(id, words))
      const acl = words.acl
      if (acl !== undefined) {
        const entries = acl.cidrs.map((cidr) => ({ cidr, comment: '' }))
        const list = { id: `acl-${words.name}`, name: `list of ${words.name}`, ipVersion: 'ipv4' as const, entries }
        transaction.put(ACCESS_CONTROL_LISTS, list.id, { ...list, ...common })
      }
      transaction.put(LISTENERS, listenerKey(id, words.protocol, words.port), listener(id, words))
    }
  })
  return state
}

const ANY = { direction: 'ingress', policy: 'accept', priority: 1, protocol: 'all', portRange: '-1/-1' } as const

function loadBalancer(id: string, { name, address }: BalancerWords): LoadBalancer {
  return {
    id,
    name,
    address,
    addressType: 'internet',
    addressIpVersion: 'ipv4',
    networkType: 'vpc',
    vpcId: 'vpc-1',
    masterZoneId: 'zone-1',
    slaveZoneId: 'zone-2',
    status: 'active',
    instanceChargeType: 'PayByCLCU',
    internetChargeType: 'paybytraffic',
    bandwidth: -1,
    deleteProtection: false,
    modificationProtection: { status: 'NonProtection' },
    resourceGroupId: 'rg-1',
    ...common,
  }
}

function serverGroup(loadBalancerId: string, { name, weights, nodePort }: BalancerWords) {
  const backends = weights.flatMap((weight, index) => {
    const server = { type: 'ecs' as const, serverId: `i-${index + 1}`, port: nodePort, description: '' }
    return weight === undefined ? [] : [{ ...server, weight }]
  })
  return { id: `rsp-${name}`, name, loadBalancerId, backends, createdAt: 0 }
}

function listener(loadBalancerId: string, words: BalancerWords): Listener {
  const { name, port, protocol, scheduler = 'rr', acl, layer7 } = words
  const layer4 = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false }
  const isLayer7 = protocol === 'http' || protocol === 'https'
  return {
    loadBalancerId,
    port,
    protocol,
    status: 'running',
    description: '',
    vServerGroupId: `rsp-${name}`,
    bandwidth: -1,
    scheduler,
    ...(acl === undefined ? {} : { acl: { type: acl.type, ids: [`acl-${name}`] } }),
    healthCheck: { type: 'off' },
    ...(isLayer7 ? { layer7: { ...LAYER7, ...layer7 } } : { layer4 }),
    createdAt: 0,
  }
}

const LAYER7: Layer7Settings = {
  stickySession: { type: 'off' },
  idleTimeout: 15,
  requestTimeout: 60,
  gzip: false,
  forwardedFor: { proto: false, slbPort: false, slbIp: false, slbId: false, clientSrcPort: false },
}
