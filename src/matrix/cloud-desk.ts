import type { Agent } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type PopCore from '@alicloud/pop-core'
import { errorMessage, FairleadError } from '../base/error.ts'
import { defaultInstanceName } from '../ccm/names.ts'
import type { Price, PriceTable } from '../cloud/billing/price-table.ts'
import { REGION_ID } from '../cloud/region.ts'
import type { Service } from '../kube/types/core.ts'
import { connectTcp } from '../linux/socket.ts'

export interface CloudDeskOptions {
  /** Path of the VPC's namespace: the API answers in there. */
  readonly netns: string
  readonly address: string
  readonly port: number
  readonly caPem: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
}

/** A server of a listener, as the API has it. */
export interface AttachedServer {
  readonly groupId: string
  readonly serverId: string
  /** Of a pod; empty for a machine. */
  readonly serverIp: string
  readonly port: number
  readonly weight: number
  readonly type: string
  /** Says whose it is: the controller's own bear the name of their group. */
  readonly description: string
}

/** The part of an instance that its bill follows from. */
export interface Instance {
  readonly id: string
  readonly address: string
  readonly addressType: string
  readonly chargeType: string
  readonly internetChargeType: string
}

type Answer = Readonly<Record<string, unknown>>

const VERSIONS = { slb: '2014-05-15', ecs: '2014-05-26', quotas: '2020-05-10', bss: '2017-12-14' } as const
const TIMEOUT_MS = 10_000

/** The cloud as its owner sees it: by its OpenAPI alone. */
export class CloudDesk implements Disposable {
  readonly #options: CloudDeskOptions
  readonly #agent: Promise<Agent>

  constructor(options: CloudDeskOptions) {
    this.#options = options
    this.#agent = agentInside(options)
  }

  /** Load balancers that were bought for a Service: by the tag that its controller writes, as ACK's does. */
  async instancesOf(service: Service): Promise<Instance[]> {
    const Tags = JSON.stringify([{ TagKey: 'kubernetes.do.not.delete', TagValue: defaultInstanceName(service) }])
    const answer = await this.call('slb', 'DescribeLoadBalancers', { Tags })
    return rows(answer.LoadBalancers, 'LoadBalancer').map((row) => ({
      id: text(row.LoadBalancerId),
      address: text(row.Address),
      addressType: text(row.AddressType),
      chargeType: text(row.InstanceChargeType),
      internetChargeType: text(row.InternetChargeTypeAlias),
    }))
  }

  /** The servers of all listeners of an instance. */
  async serversOf(instanceId: string): Promise<AttachedServer[]> {
    const groups = await this.call('slb', 'DescribeVServerGroups', { LoadBalancerId: instanceId })
    const ids = rows(groups.VServerGroups, 'VServerGroup').map((row) => text(row.VServerGroupId))
    const servers = ids.map(async (groupId) => {
      const group = await this.call('slb', 'DescribeVServerGroupAttribute', { VServerGroupId: groupId })
      return rows(group.BackendServers, 'BackendServer').map((row) => ({
        groupId,
        serverId: text(row.ServerId),
        serverIp: text(row.ServerIp),
        port: Number(row.Port),
        weight: Number(row.Weight),
        type: text(row.Type),
        description: text(row.Description),
      }))
    })
    return (await Promise.all(servers)).flat()
  }

  /** How much of `slb_quota_backendservers_num` an instance uses, by the Quota Center. */
  async serverQuotaUsed(instanceId: string): Promise<number> {
    const QuotaActionCode = 'slb_quota_backendservers_num'
    const { Quota } = await this.call('quotas', 'GetProductQuota', { ProductCode: 'slb', QuotaActionCode })
    const usage = rows({ UsageByResource: record(Quota).UsageByResource }, 'UsageByResource')
    const own = usage.find(({ Resource }) => Resource === instanceId)
    return own === undefined ? 0 : Number(own.Usage)
  }

  /** What things cost, as somebody may have edited it. */
  async prices(): Promise<PriceTable> {
    const answer = await this.call('bss', 'DescribePrices', {})
    const prices = rows(answer, 'Prices').map(({ Item, Variant, From, Amount, Unit }) => ({
      item: Item as Price['item'],
      ...(Variant === undefined ? {} : { variant: text(Variant) }),
      from: text(From),
      amount: Number(Amount),
      unit: Unit as Price['unit'],
    }))
    return { currency: text(answer.Currency), prices }
  }

  /** Stores a certificate; its id. */
  async uploadCertificate(certificatePem: string, privateKeyPem: string): Promise<string> {
    const parameters = { ServerCertificate: certificatePem, PrivateKey: privateKeyPem }
    return text((await this.call('slb', 'UploadServerCertificate', parameters)).ServerCertificateId)
  }

  /** @throws FairleadError `CLOUD_REFUSED` with the API's own words, `API_UNREACHABLE` */
  async call(product: keyof typeof VERSIONS, action: string, parameters: Answer): Promise<Answer> {
    const client = await this.#client(VERSIONS[product])
    try {
      return await client.request<Answer>(action, { RegionId: REGION_ID, ...parameters }, { method: 'POST' })
    } catch (error) {
      const { Code, Message } = record(record(error).data)
      if (Code === undefined) {
        throw new FairleadError('API_UNREACHABLE', `No answer of the cloud to ${action}: ${errorMessage(error)}`, {
          cause: error,
        })
      }
      throw new FairleadError('CLOUD_REFUSED', `The cloud refuses ${action}: ${text(Code)}, ${text(Message)}`)
    }
  }

  [Symbol.dispose](): void {
    this.#agent.then(
      (agent) => agent.destroy(),
      () => {},
    )
  }

  async #client(apiVersion: string): Promise<PopCore> {
    const { default: Client } = await import('@alicloud/pop-core')
    const { address, port, accessKeyId, accessKeySecret } = this.#options
    const endpoint = `https://${address}:${port}`
    const opts = { agent: await this.#agent, timeout: TIMEOUT_MS }
    return new Client({ endpoint, apiVersion, accessKeyId, accessKeySecret, opts })
  }
}

/** Connections are made inside the VPC: the machine's own namespace has no way there. */
async function agentInside(options: CloudDeskOptions): Promise<Agent> {
  const { Agent } = await import('node:https')
  const { netns, address: host, port, caPem: ca } = options
  const createConnection = (_: object, done: (error: Error | null, socket?: Duplex) => void): undefined => {
    connectTcp({ netns, host, port, timeoutMs: TIMEOUT_MS }).then(
      (socket) => done(null, connectTls({ socket, host, ca })),
      (error: Error) => done(error),
    )
    return undefined
  }
  return Object.assign(new Agent({ keepAlive: true }), { createConnection })
}

function record(value: unknown): Answer {
  return typeof value === 'object' && value !== null ? (value as Answer) : {}
}

function rows(container: unknown, name: string): Answer[] {
  const list = record(container)[name]
  return Array.isArray(list) ? list.map(record) : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value ?? '')
}
