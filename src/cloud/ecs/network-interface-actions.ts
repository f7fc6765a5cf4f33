import { createHash } from 'node:crypto'
import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { pageByToken } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { hasTags, tagFilter, tagsOf } from '../resource/tags.ts'
import { returnAddress, takeAddress } from '../vpc/address-pool.ts'
import { ELASTIC_IPS, VSWITCHES, type VSwitch } from '../vpc/model.ts'
import { findInstanceType } from './instance-types.ts'
import { INSTANCES, type Instance, NETWORK_INTERFACES, type NetworkInterface, SECURITY_GROUPS } from './model.ts'

/** Elastic network interfaces and their addresses. */
export const NETWORK_INTERFACE_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateNetworkInterface', createNetworkInterface],
  ['AttachNetworkInterface', attachNetworkInterface],
  ['DetachNetworkInterface', detachNetworkInterface],
  ['DeleteNetworkInterface', deleteNetworkInterface],
  ['AssignPrivateIpAddresses', assignPrivateIpAddresses],
  ['UnassignPrivateIpAddresses', unassignPrivateIpAddresses],
  ['DescribeNetworkInterfaces', describeNetworkInterfaces],
]

const MAXIMUM_ADDRESSES = 50

function createNetworkInterface({ parameters, transaction, now }: Call): object {
  const vSwitch = requireVSwitch(parameters.required('VSwitchId'), transaction)
  const securityGroupIds = [...parameters.list('SecurityGroupIds'), ...oneOrNone(parameters.string('SecurityGroupId'))]
  requireSecurityGroups(transaction, securityGroupIds)
  const count = transaction.list(NETWORK_INTERFACES).length
  requireQuota(transaction, 'ecs_quota_elastic_network_interfaces_num', {
    wanted: count + 1,
    code: 'EniPerAccountLimitExceeded',
  })
  const id = newResourceId('eni')
  const primary = takeAddress(transaction, vSwitch, { holder: id, wanted: parameters.string('PrimaryIpAddress') })
  const secondary = parameters.integer('SecondaryPrivateIpAddressCount', { min: 1, max: MAXIMUM_ADDRESSES - 1 }) ?? 0
  const more = Array.from({ length: secondary }, () => takeAddress(transaction, vSwitch, { holder: id }))
  const card: NetworkInterface = {
    id,
    name: parameters.string('NetworkInterfaceName') ?? '',
    type: 'Secondary',
    status: 'Available',
    vSwitchId: vSwitch.id,
    macAddress: macAddressOf(id),
    privateAddresses: [primary, ...more],
    ipv6Addresses: [],
    securityGroupIds,
    tags: tagsOf(parameters),
    createdAt: now,
  }
  transaction.put(NETWORK_INTERFACES, id, card)
  return describe(transaction, card)
}

function attachNetworkInterface({ parameters, transaction }: Call): object {
  const card = requireInterface(parameters.required('NetworkInterfaceId'), transaction)
  const instance = requireInstance(parameters.required('InstanceId'), transaction)
  if (card.status !== 'Available') {
    throw new Refusal(
      'InvalidOperation.InvalidEniState',
      `The interface ${card.id} is attached to ${card.instanceId}.`,
      403,
    )
  }
  requireSameZone(transaction, card, instance)
  requireRoom(transaction, card, instance)
  transaction.put(NETWORK_INTERFACES, card.id, { ...card, status: 'InUse', instanceId: instance.id })
  return {}
}

function detachNetworkInterface({ parameters, transaction }: Call): object {
  const card = requireInterface(parameters.required('NetworkInterfaceId'), transaction)
  const instanceId = parameters.required('InstanceId')
  requireSecondary(card)
  if (card.instanceId !== instanceId) {
    throw new Refusal(
      'InvalidOperation.InvalidEniState',
      `The interface ${card.id} is not attached to ${instanceId}.`,
      403,
    )
  }
  const { instanceId: _, ...free } = card
  transaction.put(NETWORK_INTERFACES, card.id, { ...free, status: 'Available' })
  return {}
}

function deleteNetworkInterface({ parameters, transaction }: Call): object {
  const id = parameters.required('NetworkInterfaceId')
  const card = transaction.get(NETWORK_INTERFACES, id)
  // Deletion of what is gone succeeds, as the API has it.
  if (card === undefined) return {}
  requireSecondary(card)
  if (card.status !== 'Available') {
    throw new Refusal(
      'InvalidOperation.InvalidEniState',
      `The interface ${id} is attached to ${card.instanceId}: detach it first.`,
      403,
    )
  }
  requireNoEip(transaction, card.id)
  for (const address of card.privateAddresses) returnAddress(transaction, card.vSwitchId, address)
  transaction.delete(NETWORK_INTERFACES, id)
  return {}
}

function assignPrivateIpAddresses({ parameters, transaction }: Call): object {
  const card = requireInterface(parameters.required('NetworkInterfaceId'), transaction)
  const vSwitch = requireVSwitch(card.vSwitchId, transaction)
  const wanted = parameters.list('PrivateIpAddress')
  const count = parameters.integer('SecondaryPrivateIpAddressCount', { min: 1, max: MAXIMUM_ADDRESSES - 1 })
  if ((count === undefined) === (wanted.length === 0)) {
    throw new Refusal('InvalidParams', 'Give either PrivateIpAddress.N or SecondaryPrivateIpAddressCount.')
  }
  const added = count === undefined ? wanted : Array.from({ length: count }, () => undefined)
  requireAddressRoom(transaction, card, card.privateAddresses.length + added.length)
  const taken = added.map((address) => takeAddress(transaction, vSwitch, { holder: card.id, wanted: address }))
  transaction.put(NETWORK_INTERFACES, card.id, { ...card, privateAddresses: [...card.privateAddresses, ...taken] })
  const PrivateIpSet = { PrivateIpAddress: taken }
  return { AssignedPrivateIpAddressesSet: { NetworkInterfaceId: card.id, PrivateIpSet } }
}

function unassignPrivateIpAddresses({ parameters, transaction }: Call): object {
  const card = requireInterface(parameters.required('NetworkInterfaceId'), transaction)
  const addresses = parameters.list('PrivateIpAddress')
  if (addresses.length === 0) throw new Refusal('MissingParameter', 'PrivateIpAddress.N is mandatory for this action.')
  const unknown = addresses.find((address) => !card.privateAddresses.slice(1).includes(address))
  if (unknown !== undefined) {
    throw new Refusal('InvalidIp.IpUnassigned', `The address ${unknown} is no secondary address of ${card.id}.`)
  }
  for (const address of addresses) returnAddress(transaction, card.vSwitchId, address)
  const kept = card.privateAddresses.filter((address) => !addresses.includes(address))
  transaction.put(NETWORK_INTERFACES, card.id, { ...card, privateAddresses: kept })
  return {}
}

function describeNetworkInterfaces({ parameters, transaction }: Call): object {
  const ids = parameters.list('NetworkInterfaceId')
  const addresses = [...parameters.list('PrivateIpAddress'), ...parameters.list('Ipv6Address')]
  const [instanceId, status, vSwitchId, type, vpcId] = ['InstanceId', 'Status', 'VSwitchId', 'Type', 'VpcId'].map(
    (name) => parameters.string(name),
  )
  const found = transaction
    .list(NETWORK_INTERFACES)
    .filter(
      (card) =>
        (ids.length === 0 || ids.includes(card.id)) &&
        (addresses.length === 0 || addresses.some((address) => holds(card, address))) &&
        (instanceId === undefined || card.instanceId === instanceId) &&
        (status === undefined || card.status === status) &&
        (vSwitchId === undefined || card.vSwitchId === vSwitchId) &&
        (type === undefined || card.type === type) &&
        (vpcId === undefined || transaction.get(VSWITCHES, card.vSwitchId)?.vpcId === vpcId) &&
        hasTags(card.tags, tagFilter(parameters)),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, {
    keyOf: (card) => card.id,
    sizes: { default: 10, max: 500 },
  })
  return { NetworkInterfaceSets: { NetworkInterfaceSet: items.map((card) => describe(transaction, card)) }, ...page }
}

function holds(card: NetworkInterface, address: string): boolean {
  return card.privateAddresses.includes(address) || card.ipv6Addresses.includes(address)
}

function describe(transaction: Call['transaction'], card: NetworkInterface): object {
  const vSwitch = transaction.get(VSWITCHES, card.vSwitchId)
  return {
    NetworkInterfaceId: card.id,
    NetworkInterfaceName: card.name,
    Type: card.type,
    Status: card.status,
    InstanceId: card.instanceId ?? '',
    VpcId: vSwitch?.vpcId ?? '',
    VSwitchId: card.vSwitchId,
    ZoneId: vSwitch?.zoneId ?? '',
    MacAddress: card.macAddress,
    PrivateIpAddress: card.privateAddresses[0] ?? '',
    PrivateIpSets: {
      PrivateIpSet: card.privateAddresses.map((address, i) => ({ PrivateIpAddress: address, Primary: i === 0 })),
    },
    Ipv6Sets: { Ipv6Set: card.ipv6Addresses.map((Ipv6Address) => ({ Ipv6Address })) },
    SecurityGroupIds: { SecurityGroupId: card.securityGroupIds },
    Tags: { Tag: card.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
    CreationTime: formatTime(card.createdAt),
  }
}

/** A MAC address that stays the same for an interface: locally administered, unicast. */
export function macAddressOf(id: string): string {
  const bytes = createHash('sha256').update(id).digest().subarray(0, 5)
  return `02:${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
}

function oneOrNone<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value]
}

function requireVSwitch(id: string, transaction: Call['transaction']): VSwitch {
  const vSwitch = transaction.get(VSWITCHES, id)
  if (vSwitch !== undefined) return vSwitch
  throw new Refusal('InvalidVSwitchId.NotFound', `The vSwitch ${id} does not exist.`, 404)
}

function requireInterface(id: string, transaction: Call['transaction']): NetworkInterface {
  const card = transaction.get(NETWORK_INTERFACES, id)
  if (card !== undefined) return card
  throw new Refusal('InvalidEniId.NotFound', `The interface ${id} does not exist.`, 404)
}

function requireInstance(id: string, transaction: Call['transaction']): Instance {
  const instance = transaction.get(INSTANCES, id)
  if (instance !== undefined) return instance
  throw new Refusal('InvalidInstanceId.NotFound', `The instance ${id} does not exist.`, 404)
}

function requireSecurityGroups(transaction: Call['transaction'], ids: readonly string[]): void {
  const unknown = ids.find((id) => transaction.get(SECURITY_GROUPS, id) === undefined)
  if (unknown === undefined) return
  throw new Refusal('InvalidSecurityGroupId.NotFound', `The security group ${unknown} does not exist.`, 404)
}

function requireSecondary(card: NetworkInterface): void {
  if (card.type === 'Secondary') return
  throw new Refusal(
    'InvalidOperation.EniTypeNotSupport',
    `${card.id} is the primary interface of ${card.instanceId}.`,
    403,
  )
}

function requireNoEip(transaction: Call['transaction'], id: string): void {
  const eip = transaction.list(ELASTIC_IPS).find((held) => held.binding?.instanceId === id)
  if (eip === undefined) return
  throw new Refusal('InvalidOperation.EipBound', `The EIP ${eip.allocationId} is bound to ${id}: unbind it first.`, 403)
}

function requireSameZone(transaction: Call['transaction'], card: NetworkInterface, instance: Instance): void {
  const vSwitch = requireVSwitch(card.vSwitchId, transaction)
  if (vSwitch.zoneId === instance.zoneId) return
  throw new Refusal(
    'InvalidInstance.ZoneMismatch',
    `The interface ${card.id} is in ${vSwitch.zoneId}, the instance ${instance.id} in ${instance.zoneId}.`,
    403,
  )
}

function requireRoom(transaction: Call['transaction'], card: NetworkInterface, instance: Instance): void {
  const limit = findInstanceType(instance.instanceType)
  const attached = transaction.list(NETWORK_INTERFACES).filter((other) => other.instanceId === instance.id).length
  if (limit === undefined || attached < limit.eniQuantity) {
    requireAddressRoom(transaction, { ...card, instanceId: instance.id }, card.privateAddresses.length)
    return
  }
  throw new Refusal(
    'InvalidOperation.EniCountExceeded',
    `The instance ${instance.id} (${instance.instanceType}) has ${attached} interfaces of at most ${limit.eniQuantity}.`,
    403,
  )
}

/** An interface that is attached holds as many addresses as its instance's type allows. */
function requireAddressRoom(transaction: Call['transaction'], card: NetworkInterface, wanted: number): void {
  const instance = card.instanceId === undefined ? undefined : transaction.get(INSTANCES, card.instanceId)
  const limit = instance === undefined ? undefined : findInstanceType(instance.instanceType)
  const allowed = limit?.eniPrivateIpAddressQuantity ?? MAXIMUM_ADDRESSES
  if (wanted <= allowed) return
  const where = instance === undefined ? '' : ` on ${instance.instanceType}`
  throw new Refusal(
    'InvalidOperation.Ipv4CountExceeded',
    `The interface ${card.id} has at most ${allowed} addresses${where}; this would make ${wanted}.`,
    403,
  )
}
