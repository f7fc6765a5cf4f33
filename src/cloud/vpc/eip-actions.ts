import { formatTime } from '../../base/time.ts'
import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { pageByNumber } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { hasTags, tagFilter, tagsOf } from '../resource/tags.ts'
import { LOAD_BALANCERS } from '../slb/model.ts'
import { ELASTIC_IPS, type ElasticIp, type ElasticIpBinding, NAT_GATEWAYS, SNAT_ENTRIES } from './model.ts'
import { returnPublicAddress, takePublicAddress } from './public-address-pool.ts'

/** Elastic IP addresses. */
export const EIP_ACTIONS: readonly (readonly [string, Action])[] = [
  ['AllocateEipAddress', allocateEipAddress],
  ['AssociateEipAddress', associateEipAddress],
  ['UnassociateEipAddress', unassociateEipAddress],
  ['ReleaseEipAddress', releaseEipAddress],
  ['DescribeEipAddresses', describeEipAddresses],
]

const BINDABLE = ['EcsInstance', 'NetworkInterface', 'SlbInstance', 'Nat'] as const

function allocateEipAddress({ parameters, transaction, now }: Call): object {
  requireQuota(transaction, 'vpc_quota_eip_num', {
    wanted: transaction.list(ELASTIC_IPS).length + 1,
    code: 'QuotaExceeded.Eip',
  })
  const allocationId = newResourceId('eip')
  const address = takePublicAddress(transaction, { holder: allocationId, version: 'ipv4' })
  transaction.put(ELASTIC_IPS, allocationId, {
    allocationId,
    address,
    name: parameters.string('Name') ?? '',
    bandwidth: parameters.integer('Bandwidth', { min: 1, max: 1_000 }) ?? 5,
    internetChargeType: parameters.oneOf('InternetChargeType', ['PayByTraffic', 'PayByBandwidth']) ?? 'PayByBandwidth',
    tags: tagsOf(parameters),
    createdAt: now,
  })
  return { AllocationId: allocationId, EipAddress: address }
}

function associateEipAddress({ parameters, transaction }: Call): object {
  const eip = requireEip(parameters.required('AllocationId'), transaction)
  if (eip.binding !== undefined) {
    throw new Refusal(
      'InvalidAssociation.Duplicated',
      `The EIP ${eip.allocationId} is bound to ${eip.binding.instanceId}.`,
    )
  }
  const instanceType = parameters.oneOf('InstanceType', BINDABLE) ?? 'EcsInstance'
  const instanceId = parameters.required('InstanceId')
  const privateAddress = privateAddressOf(transaction, { instanceType, instanceId })
  const other = transaction.list(ELASTIC_IPS).find((held) => held.binding?.privateAddress === privateAddress)
  // A NAT gateway has as many as it likes: its SNAT entries say who appears as which.
  if (other !== undefined && instanceType !== 'Nat') {
    throw new Refusal(
      'InvalidInstance.HasEip',
      `${instanceId} has the EIP ${other.allocationId} (${other.address}) already.`,
    )
  }
  transaction.put(ELASTIC_IPS, eip.allocationId, { ...eip, binding: { instanceType, instanceId, privateAddress } })
  return {}
}

function unassociateEipAddress({ parameters, transaction }: Call): object {
  const eip = requireEip(parameters.required('AllocationId'), transaction)
  const instanceId = parameters.string('InstanceId')
  if (eip.binding === undefined || (instanceId !== undefined && instanceId !== eip.binding.instanceId)) {
    throw new Refusal('IncorrectEipStatus', `The EIP ${eip.allocationId} is not bound to ${instanceId ?? 'anything'}.`)
  }
  if (eip.binding.instanceType === 'Nlb') {
    throw new Refusal(
      'IncorrectEipStatus',
      `The EIP ${eip.allocationId} is the one of a zone of ${eip.binding.instanceId}: change that instance's zones or address type.`,
    )
  }
  requireNoSnatEntry(transaction, eip.address)
  const { binding: _, ...free } = eip
  transaction.put(ELASTIC_IPS, eip.allocationId, free)
  return {}
}

function releaseEipAddress({ parameters, transaction }: Call): object {
  const eip = requireEip(parameters.required('AllocationId'), transaction)
  if (eip.binding !== undefined) {
    throw new Refusal(
      'IncorrectEipStatus',
      `The EIP ${eip.allocationId} is bound to ${eip.binding.instanceId}: unbind it first.`,
    )
  }
  transaction.delete(ELASTIC_IPS, eip.allocationId)
  returnPublicAddress(transaction, eip.address)
  return {}
}

function describeEipAddresses({ parameters, transaction }: Call): object {
  const [id, address, type, instance] = [
    'AllocationId',
    'EipAddress',
    'AssociatedInstanceType',
    'AssociatedInstanceId',
  ].map((name) => parameters.string(name))
  const found = transaction
    .list(ELASTIC_IPS)
    .filter(
      (eip) =>
        (id === undefined || id.split(',').includes(eip.allocationId)) &&
        (address === undefined || address.split(',').includes(eip.address)) &&
        (type === undefined || eip.binding?.instanceType === type) &&
        (instance === undefined || eip.binding?.instanceId === instance) &&
        hasTags(eip.tags, tagFilter(parameters)),
    )
  const { items, ...page } = pageByNumber(found, parameters)
  return { EipAddresses: { EipAddress: items.map(describeEip) }, ...page }
}

function describeEip(eip: ElasticIp): object {
  return {
    AllocationId: eip.allocationId,
    IpAddress: eip.address,
    Name: eip.name,
    Status: eip.binding === undefined ? 'Available' : 'InUse',
    InstanceType: eip.binding?.instanceType ?? '',
    InstanceId: eip.binding?.instanceId ?? '',
    PrivateIpAddress: eip.binding?.privateAddress ?? '',
    Bandwidth: String(eip.bandwidth),
    InternetChargeType: eip.internetChargeType,
    AllocationTime: formatTime(eip.createdAt),
    Tags: { Tag: eip.tags.map(({ key, value }) => ({ Key: key, Value: value })) },
  }
}

function requireEip(id: string, transaction: Call['transaction']): ElasticIp {
  const eip = transaction.get(ELASTIC_IPS, id)
  if (eip !== undefined) return eip
  throw new Refusal('InvalidAllocationId.NotFound', `The EIP ${id} does not exist.`, 404)
}

function requireNoSnatEntry(transaction: Call['transaction'], address: string): void {
  const entry = transaction.list(SNAT_ENTRIES).find(({ snatIp }) => snatIp === address)
  if (entry === undefined) return
  throw new Refusal('IncorrectEipStatus', `The SNAT entry ${entry.id} uses ${address}: delete it first.`)
}

/** The address behind an EIP: the first one of the primary interface, of the interface, of the load balancer, of the gateway. */
function privateAddressOf(
  transaction: Call['transaction'],
  { instanceType, instanceId }: Pick<ElasticIpBinding, 'instanceType' | 'instanceId'>,
): string {
  const address = addressOfType(transaction, { instanceType, instanceId })
  if (address !== undefined) return address
  throw new Refusal(
    'InvalidInstanceId.NotFound',
    `The ${instanceType} ${instanceId} does not exist, or has no private address.`,
    404,
  )
}

function addressOfType(
  transaction: Call['transaction'],
  { instanceType, instanceId }: Pick<ElasticIpBinding, 'instanceType' | 'instanceId'>,
): string | undefined {
  if (instanceType === 'Nat') return transaction.get(NAT_GATEWAYS, instanceId)?.privateAddress
  if (instanceType === 'NetworkInterface') return transaction.get(NETWORK_INTERFACES, instanceId)?.privateAddresses[0]
  if (instanceType === 'SlbInstance') {
    const loadBalancer = transaction.get(LOAD_BALANCERS, instanceId)
    return loadBalancer?.addressType === 'intranet' ? loadBalancer.address : undefined
  }
  if (transaction.get(INSTANCES, instanceId) === undefined) return undefined
  return transaction.list(NETWORK_INTERFACES).find((card) => card.instanceId === instanceId && card.type === 'Primary')
    ?.privateAddresses[0]
}
