import { createHash } from 'node:crypto'
import { cidrContains, requireAddress, requireCidr } from '../base/ip.ts'
import { DEFAULT_INSTANCE_TYPE } from './ecs/instance-types.ts'
import { INSTANCES, NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroupRule } from './ecs/model.ts'
import { macAddressOf } from './ecs/network-interface-actions.ts'
import { Refusal } from './openapi/refusal.ts'
import type { CloudState } from './state/cloud-state.ts'
import type { Transaction } from './state/transaction.ts'
import { takeAddress } from './vpc/address-pool.ts'
import { ELASTIC_IPS, NAT_GATEWAYS, ROUTE_TABLES, SNAT_ENTRIES, VPCS, VSWITCHES, type VSwitch } from './vpc/model.ts'
import { takePublicAddress } from './vpc/public-address-pool.ts'

/** What a cluster's part of the cloud is made of. */
export interface RegionSpec {
  /** Name of the cluster; ids follow from it, so that they are the same after every start. */
  readonly cluster: string
  readonly vpcCidr: string
  readonly vSwitches: readonly VSwitchSpec[]
  readonly machines: readonly MachineSpec[]
  /** Ranges beside the VPC's that pods have addresses of (Flannel), let in everywhere. */
  readonly podCidrs?: readonly string[]
  /** Public address of a NAT gateway for all vSwitches; without it there is none. */
  readonly natAddress?: string
}

/** A subnet of one zone. */
export interface VSwitchSpec {
  /** Its id follows from it. @default the zone */
  readonly name?: string
  readonly zoneId: string
  readonly cidrBlock: string
}

/** A node. */
export interface MachineSpec {
  readonly name: string
  readonly zoneId: string
  readonly address: string
  /** Public address bound to it. */
  readonly publicAddress?: string
  /** @default {@link DEFAULT_INSTANCE_TYPE} */
  readonly instanceType?: string
}

/** Ids of what a region holds. */
export interface RegionIds {
  readonly vpcId: string
  readonly routeTableId: string
  readonly securityGroupId: string
}

/** The region that clusters are in. */
export const REGION_ID = 'cn-hangzhou'

/** Ids of a cluster's VPC and what belongs to it. */
export function regionIds(cluster: string): RegionIds {
  return {
    vpcId: stableId('vpc', cluster),
    routeTableId: stableId('vtb', cluster),
    securityGroupId: stableId('sg', cluster),
  }
}

/** Id of a node's instance: `i-bp1…`. */
export function instanceId(cluster: string, machine: string): string {
  return stableId('i', `${cluster}/${machine}`)
}

/** Id of a vSwitch by its name, which is its zone where it has no other: `vsw-bp1…`. */
export function vSwitchId(cluster: string, name: string): string {
  return stableId('vsw', `${cluster}/${name}`)
}

/** Makes what is missing of a cluster's VPC: vSwitches, the route table, a security group, machines and their EIPs. */
export function ensureRegion(state: CloudState, spec: RegionSpec, now: number): RegionIds {
  const ids = regionIds(spec.cluster)
  state.transact((transaction) => {
    ensureNetwork(transaction, spec, now)
    for (const machine of spec.machines) ensureMachine(transaction, { spec, machine, now })
    if (spec.natAddress !== undefined) ensureNatGateway(transaction, { spec, address: spec.natAddress, now })
  })
  return ids
}

/** Health checks and proxies of load balancers. */
const LOAD_BALANCER_CIDR = '100.64.0.0/10'
const ANYWHERE = '0.0.0.0/0'
const ALL_PORTS = '-1/-1'
const NODE_PORTS = '30000/32767'

/** The rules of a cluster's own group: all from inside, and from anywhere what answers pings and NodePorts. */
function clusterRules({ cluster, vpcCidr, podCidrs = [] }: RegionSpec): SecurityGroupRule[] {
  const inside = [vpcCidr, ...podCidrs, LOAD_BALANCER_CIDR].map((cidr) => rule('all', { cidr, portRange: ALL_PORTS }))
  const outside = [
    rule('icmp', { cidr: ANYWHERE, portRange: ALL_PORTS }),
    rule('tcp', { cidr: ANYWHERE, portRange: NODE_PORTS }),
    rule('udp', { cidr: ANYWHERE, portRange: NODE_PORTS }),
  ]
  return [...inside, ...outside].map((one, i) => ({ id: stableId('sgr', `${cluster}/${i}`), ...one }))
}

function rule(
  protocol: SecurityGroupRule['protocol'],
  { cidr, portRange }: { cidr: string; portRange: string },
): Omit<SecurityGroupRule, 'id'> {
  return { direction: 'ingress', policy: 'accept', priority: 1, protocol, portRange, cidr }
}

function ensureNetwork(transaction: Transaction, spec: RegionSpec, now: number): void {
  const { cluster, vpcCidr, vSwitches } = spec
  const { vpcId, routeTableId, securityGroupId } = regionIds(cluster)
  if (transaction.get(VPCS, vpcId) === undefined) {
    const vpc = { id: vpcId, name: cluster, cidrBlock: vpcCidr, secondaryCidrBlocks: [], createdAt: now }
    transaction.put(VPCS, vpcId, vpc)
    transaction.put(ROUTE_TABLES, routeTableId, { id: routeTableId, vpcId, type: 'System' })
    const group = {
      id: securityGroupId,
      name: cluster,
      vpcId,
      type: 'normal',
      rules: clusterRules(spec),
      tags: [],
      createdAt: now,
    } as const
    transaction.put(SECURITY_GROUPS, securityGroupId, group)
  }
  for (const { zoneId, cidrBlock, name = zoneId } of vSwitches) {
    const id = vSwitchId(cluster, name)
    if (transaction.get(VSWITCHES, id) !== undefined) continue
    transaction.put(VSWITCHES, id, { id, name: `${cluster}-${name}`, vpcId, zoneId, cidrBlock, createdAt: now })
  }
}

function ensureMachine(
  transaction: Transaction,
  { spec, machine, now }: { spec: RegionSpec; machine: MachineSpec; now: number },
): void {
  const id = instanceId(spec.cluster, machine.name)
  if (transaction.get(INSTANCES, id) !== undefined) return
  const { vpcId, securityGroupId } = regionIds(spec.cluster)
  const common = { securityGroupIds: [securityGroupId], tags: [], createdAt: now }
  transaction.put(INSTANCES, id, {
    id,
    name: machine.name,
    instanceType: machine.instanceType ?? DEFAULT_INSTANCE_TYPE,
    zoneId: machine.zoneId,
    vpcId,
    status: 'Running',
    ...common,
  })
  const vSwitch = vSwitchOf(transaction, spec, machine)
  const cardId = stableId('eni', id)
  takeAddress(transaction, vSwitch, { holder: cardId, wanted: machine.address })
  transaction.put(NETWORK_INTERFACES, cardId, {
    id: cardId,
    name: machine.name,
    type: 'Primary',
    status: 'InUse',
    instanceId: id,
    vSwitchId: vSwitch.id,
    macAddress: macAddressOf(cardId),
    privateAddresses: [machine.address],
    ipv6Addresses: [],
    ...common,
  })
  if (machine.publicAddress !== undefined)
    bindEip(transaction, { machine, publicAddress: machine.publicAddress, id, now })
}

function bindEip(
  transaction: Transaction,
  { machine, publicAddress, id, now }: { machine: MachineSpec; publicAddress: string; id: string; now: number },
): void {
  const allocationId = stableId('eip', id)
  takePublicAddress(transaction, { holder: allocationId, version: 'ipv4', wanted: publicAddress })
  transaction.put(ELASTIC_IPS, allocationId, {
    allocationId,
    address: publicAddress,
    name: machine.name,
    bandwidth: 100,
    internetChargeType: 'PayByTraffic',
    tags: [],
    binding: { instanceType: 'EcsInstance', instanceId: id, privateAddress: machine.address },
    createdAt: now,
  })
}

function ensureNatGateway(
  transaction: Transaction,
  { spec, address, now }: { spec: RegionSpec; address: string; now: number },
): void {
  const [id, allocationId, snatTableId] = ['ngw', 'eip', 'stb'].map((prefix) => stableId(prefix, `${spec.cluster}/nat`))
  const first = spec.vSwitches[0]
  if (id === undefined || allocationId === undefined || snatTableId === undefined || first === undefined) return
  if (transaction.get(NAT_GATEWAYS, id) !== undefined) return
  const vSwitch = transaction.get(VSWITCHES, vSwitchId(spec.cluster, first.name ?? first.zoneId))
  if (vSwitch === undefined) return
  const privateAddress = takeAddress(transaction, vSwitch, { holder: id })
  const { vpcId } = vSwitch
  const gateway = { id, name: spec.cluster, vpcId, vSwitchId: vSwitch.id, privateAddress, snatTableId, createdAt: now }
  transaction.put(NAT_GATEWAYS, id, gateway)
  takePublicAddress(transaction, { holder: allocationId, version: 'ipv4', wanted: address })
  const binding = { instanceType: 'Nat', instanceId: id, privateAddress } as const
  transaction.put(ELASTIC_IPS, allocationId, {
    allocationId,
    address,
    name: `${spec.cluster}-nat`,
    bandwidth: 100,
    internetChargeType: 'PayByTraffic',
    tags: [],
    binding,
    createdAt: now,
  })
  for (const { name, zoneId, cidrBlock } of spec.vSwitches) {
    const sourceVSwitchId = vSwitchId(spec.cluster, name ?? zoneId)
    const entryId = stableId('snat', sourceVSwitchId)
    const entry = { id: entryId, name: '', snatTableId, sourceVSwitchId, sourceCidr: cidrBlock, snatIp: address }
    transaction.put(SNAT_ENTRIES, entryId, entry)
  }
}

function vSwitchOf(transaction: Transaction, spec: RegionSpec, machine: MachineSpec): VSwitch {
  const address = requireAddress(machine.address)
  const found = transaction
    .list(VSWITCHES)
    .find((vSwitch) => vSwitch.zoneId === machine.zoneId && cidrContains(requireCidr(vSwitch.cidrBlock), address))
  if (found !== undefined) return found
  throw new Refusal(
    'InvalidVSwitchId.NotFound',
    `No vSwitch of ${spec.cluster} in ${machine.zoneId} holds ${machine.address} of ${machine.name}.`,
  )
}

const ID_LETTERS = 17

function stableId(prefix: string, name: string): string {
  const digest = createHash('sha256').update(`${prefix}/${name}`).digest('hex')
  return `${prefix}-bp1${digest.slice(0, ID_LETTERS)}`
}
