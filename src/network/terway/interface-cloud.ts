import { errorMessage, FairleadError } from '../../base/error.ts'
import { agentTrusting } from '../../base/trusting-agent.ts'
import type { PoolInterface } from './pool-plan.ts'

/** The interfaces of one node, as the cloud has them. */
export interface InterfaceCloud {
  /** Those that are attached, and those that were made for the node and are not yet. */
  interfaces(): Promise<readonly (PoolInterface & { readonly attached: boolean })[]>
  /** Makes one with so many addresses; it is not attached yet. */
  create(count: number): Promise<PoolInterface>
  attach(interfaceId: string): Promise<void>
  /** Gives an interface more addresses, and says which. */
  assign(interfaceId: string, count: number): Promise<readonly string[]>
  /** Gives an interface these addresses, which pods have already. */
  claim(interfaceId: string, addresses: readonly string[]): Promise<void>
  unassign(interfaceId: string, addresses: readonly string[]): Promise<void>
  /** Detaches and deletes an interface with its addresses. One that is gone is fine. */
  remove(interfaceId: string): Promise<void>
}

/** A call that the cloud refused, with its code. */
export class CloudRefusal extends FairleadError {
  /** `InvalidVSwitchId.IpNotEnough` */
  readonly apiCode: string

  constructor(action: string, { apiCode, message }: { apiCode: string; message: string }) {
    super('CLOUD_REFUSED', `The cloud refused ${action}: ${apiCode}: ${message}`)
    this.name = 'CloudRefusal'
    this.apiCode = apiCode
  }
}

export interface EcsAccess {
  /** `https://ecs.cn-hangzhou.aliyuncs.com` */
  readonly endpoint: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  /** PEM of whoever signed the endpoint's certificate. @default those that Node.js knows */
  readonly caPem?: string
}

export interface NodeInstance {
  readonly regionId: string
  readonly instanceId: string
  /** Where new interfaces are: a vSwitch of the instance's zone. */
  readonly vSwitchId: string
  readonly securityGroupId: string
}

/** Tag of interfaces that were made for a node; its value is the instance. */
export const INSTANCE_TAG = 'fairlead.dev/instance'
const ECS_VERSION = '2014-05-26'
const PAGE = 500

/** The part of `DescribeNetworkInterfaces` that is read. */
interface InterfaceAnswer {
  readonly NetworkInterfaceId: string
  readonly Status: string
  readonly InstanceId?: string
  readonly MacAddress: string
  readonly PrivateIpSets: { readonly PrivateIpSet: readonly { readonly PrivateIpAddress: string }[] }
}

type Request = <R>(action: string, parameters: object) => Promise<R>

/** Speaks ECS 2014-05-26 for one node. The client is loaded with the first call. */
export function createInterfaceCloud(access: EcsAccess, node: NodeInstance): InterfaceCloud {
  const ask = requester(access, node.regionId)
  const { instanceId: InstanceId, vSwitchId: VSwitchId, securityGroupId: SecurityGroupId } = node
  return {
    async interfaces() {
      const Tag = [{ Key: INSTANCE_TAG, Value: InstanceId }]
      const { NetworkInterfaceSets } = await ask<{
        NetworkInterfaceSets: { NetworkInterfaceSet: readonly InterfaceAnswer[] }
      }>('DescribeNetworkInterfaces', { Tag, MaxResults: PAGE })
      return NetworkInterfaceSets.NetworkInterfaceSet.map((answer) => ({
        ...interfaceOf(answer),
        attached: answer.Status === 'InUse',
      }))
    },
    async create(count) {
      const Tag = [{ Key: INSTANCE_TAG, Value: InstanceId }]
      const more = count > 1 ? { SecondaryPrivateIpAddressCount: count - 1 } : {}
      const NetworkInterfaceName = `eni-${InstanceId}`
      return interfaceOf(
        await ask('CreateNetworkInterface', { VSwitchId, SecurityGroupId, NetworkInterfaceName, Tag, ...more }),
      )
    },
    async attach(NetworkInterfaceId) {
      await ask('AttachNetworkInterface', { NetworkInterfaceId, InstanceId })
    },
    async assign(NetworkInterfaceId, SecondaryPrivateIpAddressCount) {
      const answer = await ask<{
        AssignedPrivateIpAddressesSet: { PrivateIpSet: { PrivateIpAddress: readonly string[] } }
      }>('AssignPrivateIpAddresses', { NetworkInterfaceId, SecondaryPrivateIpAddressCount })
      return answer.AssignedPrivateIpAddressesSet.PrivateIpSet.PrivateIpAddress
    },
    async claim(NetworkInterfaceId, PrivateIpAddress) {
      await ask('AssignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddress })
    },
    async unassign(NetworkInterfaceId, PrivateIpAddress) {
      await ask('UnassignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddress })
    },
    remove: (interfaceId) => removeInterface(ask, interfaceId, InstanceId),
  }
}

/** An interface that was made for a node, whether or not that is still there. */
export interface TaggedInterface {
  readonly id: string
  readonly instanceId: string
}

/** The interfaces of all nodes, for giving back those of nodes that are gone. */
export interface InterfaceInventory {
  list(): Promise<readonly TaggedInterface[]>
  remove(card: TaggedInterface): Promise<void>
}

/** Speaks ECS 2014-05-26 for a whole cluster. */
export function createInterfaceInventory(access: EcsAccess, regionId: string): InterfaceInventory {
  const ask = requester(access, regionId)
  return {
    async list() {
      const found: TaggedInterface[] = []
      let NextToken: string | undefined
      do {
        const page: TaggedPage = await ask('DescribeNetworkInterfaces', {
          Tag: [{ Key: INSTANCE_TAG }],
          MaxResults: PAGE,
          ...(NextToken === undefined ? {} : { NextToken }),
        })
        for (const { NetworkInterfaceId, Tags } of page.NetworkInterfaceSets.NetworkInterfaceSet) {
          const tag = Tags.Tag.find(({ TagKey }) => TagKey === INSTANCE_TAG)
          if (tag !== undefined) found.push({ id: NetworkInterfaceId, instanceId: tag.TagValue })
        }
        NextToken = page.NextToken
      } while (NextToken !== undefined)
      return found
    },
    remove: ({ id, instanceId }) => removeInterface(ask, id, instanceId),
  }
}

interface TaggedPage {
  readonly NetworkInterfaceSets: {
    readonly NetworkInterfaceSet: readonly {
      readonly NetworkInterfaceId: string
      readonly Tags: { readonly Tag: readonly { readonly TagKey: string; readonly TagValue: string }[] }
    }[]
  }
  readonly NextToken?: string
}

async function removeInterface(ask: Request, NetworkInterfaceId: string, InstanceId: string): Promise<void> {
  await ask('DetachNetworkInterface', { NetworkInterfaceId, InstanceId }).catch(unless(...DETACHED))
  await ask('DeleteNetworkInterface', { NetworkInterfaceId })
}

const DETACHED = ['InvalidEniId.NotFound', 'InvalidOperation.InvalidEniState']

function interfaceOf({ NetworkInterfaceId, MacAddress, PrivateIpSets }: InterfaceAnswer): PoolInterface {
  const addresses = PrivateIpSets.PrivateIpSet.map(({ PrivateIpAddress }) => PrivateIpAddress)
  return { id: NetworkInterfaceId, macAddress: MacAddress, addresses }
}

function requester(access: EcsAccess, RegionId: string): Request {
  let client: Promise<{ request<R>(action: string, parameters: object): Promise<R> }> | undefined
  return async (action, parameters) => {
    client ??= connect(access)
    const connected = await client
    try {
      return await connected.request(action, { RegionId, ...parameters })
    } catch (error) {
      throw failureOf(action, error)
    }
  }
}

async function connect({ endpoint, accessKeyId, accessKeySecret, caPem }: EcsAccess) {
  const { default: RpcClient } = await import('@alicloud/pop-core')
  const opts = caPem === undefined ? {} : { agent: await agentTrusting(caPem) }
  return new RpcClient({ endpoint, apiVersion: ECS_VERSION, accessKeyId, accessKeySecret, opts })
}

/** The client's own message holds the whole URL, signature and all. */
function failureOf(action: string, error: unknown): FairleadError {
  const data = (error as { data?: { Code?: unknown; Message?: unknown } }).data
  if (data?.Code !== undefined) {
    return new CloudRefusal(action, { apiCode: String(data.Code), message: String(data.Message) })
  }
  return new FairleadError('API_UNREACHABLE', `Cannot ask the cloud to ${action}: ${errorMessage(error)}`, {
    cause: error,
  })
}

function unless(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof CloudRefusal && codes.includes(error.apiCode))) throw error
  }
}
