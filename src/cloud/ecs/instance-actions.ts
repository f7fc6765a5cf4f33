import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByNumber } from '../resource/page.ts'
import { hasTags, tagFilter } from '../resource/tags.ts'
import { ELASTIC_IPS } from '../vpc/model.ts'
import { INSTANCE_TYPES } from './instance-types.ts'
import { INSTANCES, type Instance, NETWORK_INTERFACES } from './model.ts'

/** Instances, which nodes are, and their types. */
export const INSTANCE_ACTIONS: readonly (readonly [string, Action])[] = [
  ['DescribeInstances', describeInstances],
  ['DescribeInstanceTypes', describeInstanceTypes],
]

function describeInstances({ parameters, transaction }: Call): object {
  const ids = stringList(parameters.json('InstanceIds'), 'InstanceIds')
  const addresses = stringList(parameters.json('PrivateIpAddresses'), 'PrivateIpAddresses')
  const [vpcId, zoneId, name] = ['VpcId', 'ZoneId', 'InstanceName'].map((parameter) => parameters.string(parameter))
  const found = transaction
    .list(INSTANCES)
    .filter(
      (instance) =>
        (ids === undefined || ids.includes(instance.id)) &&
        (vpcId === undefined || instance.vpcId === vpcId) &&
        (zoneId === undefined || instance.zoneId === zoneId) &&
        (name === undefined || instance.name === name) &&
        (addresses === undefined ||
          addresses.some((address) => primaryAddresses(transaction, instance.id).includes(address))) &&
        hasTags(instance.tags, tagFilter(parameters)),
    )
  const { items, ...page } = pageByNumber(found, parameters)
  return { Instances: { Instance: items.map((instance) => describe(transaction, instance)) }, ...page }
}

function describe(transaction: Call['transaction'], instance: Instance): object {
  const cards = transaction.list(NETWORK_INTERFACES).filter((card) => card.instanceId === instance.id)
  const eip = transaction.list(ELASTIC_IPS).find((held) => held.binding?.instanceId === instance.id)
  const primary = cards.find((card) => card.type === 'Primary')
  return {
    InstanceId: instance.id,
    InstanceName: instance.name,
    HostName: instance.name,
    InstanceType: instance.instanceType,
    Status: instance.status,
    ZoneId: instance.zoneId,
    InstanceNetworkType: 'vpc',
    VpcAttributes: {
      VpcId: instance.vpcId,
      VSwitchId: primary?.vSwitchId ?? '',
      PrivateIpAddress: { IpAddress: primaryAddresses(transaction, instance.id).slice(0, 1) },
    },
    EipAddress: { AllocationId: eip?.allocationId ?? '', IpAddress: eip?.address ?? '' },
    PublicIpAddress: { IpAddress: [] },
    SecurityGroupIds: { SecurityGroupId: instance.securityGroupIds },
    NetworkInterfaces: {
      NetworkInterface: cards.map((card) => ({
        NetworkInterfaceId: card.id,
        MacAddress: card.macAddress,
        PrimaryIpAddress: card.privateAddresses[0] ?? '',
        Type: card.type,
      })),
    },
    Tags: { Tag: instance.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
    CreationTime: formatTime(instance.createdAt),
  }
}

function primaryAddresses(transaction: Call['transaction'], instanceId: string): readonly string[] {
  const primary = transaction
    .list(NETWORK_INTERFACES)
    .find((card) => card.instanceId === instanceId && card.type === 'Primary')
  return primary?.privateAddresses ?? []
}

function describeInstanceTypes({ parameters }: Call): object {
  const wanted = parameters.list('InstanceTypes')
  const found = INSTANCE_TYPES.filter((type) => wanted.length === 0 || wanted.includes(type.id))
  const InstanceType = found.map((type) => ({
    InstanceTypeId: type.id,
    InstanceTypeFamily: type.id.split('.').slice(0, 2).join('.'),
    CpuCoreCount: type.cpuCores,
    MemorySize: type.memoryGib,
    EniQuantity: type.eniQuantity,
    EniPrivateIpAddressQuantity: type.eniPrivateIpAddressQuantity,
    EniIpv6AddressQuantity: type.eniIpv6AddressQuantity,
  }))
  return { InstanceTypes: { InstanceType } }
}

function stringList(value: unknown, name: string): string[] | undefined {
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new Refusal(`InvalidParameter.${name}`, `Cannot read ${name}: give a JSON list of strings.`)
}
