import type { Agent } from 'node:https'
import type PopCore from '@alicloud/pop-core'
import { type Clock, systemClock } from '../../base/clock.ts'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { Answer, CloudApi, CloudProduct } from './cloud-api.ts'
import { CloudError, isThrottled } from './cloud-error.ts'
import { Turns } from './turns.ts'

export interface CloudAccess {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string
  /** `https://slb.cn-hangzhou.aliyuncs.com` */
  readonly endpoints: Readonly<Record<CloudProduct, string>>
  readonly region: string
  readonly clusterId: string
  /** PEM of whoever signed the endpoints' certificates. @default those that Node.js knows */
  readonly caPem?: string
}

export interface PopClientOptions {
  readonly access: CloudAccess
  /** Calls at the same time. @default 10 */
  readonly maxConcurrent?: number
  /** How often a call is tried again that was refused because there were too many. @default 10 */
  readonly maxThrottlingRetries?: number
  readonly clock?: Clock
}

const VERSIONS: Readonly<Record<CloudProduct, string>> = { slb: '2014-05-15', ecs: '2014-05-26', vpc: '2016-04-28' }
const TIMEOUT_MS = 20_000
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000

/** Calls the cloud with the public RPC client, which is loaded at the first call. */
export function createPopClient(options: PopClientOptions): CloudApi {
  return new PopClient(options)
}

class PopClient implements CloudApi {
  readonly #access: CloudAccess
  readonly #retries: number
  readonly #clock: Clock
  readonly #turns: Turns
  readonly #clients = new Map<CloudProduct, Promise<PopCore>>()
  /** Until then nobody calls: the account is throttled, and every call would only make it worse. */
  #quietUntil = 0

  constructor({ access, maxConcurrent = 10, maxThrottlingRetries = 10, clock = systemClock }: PopClientOptions) {
    this.#access = access
    this.#retries = maxThrottlingRetries
    this.#clock = clock
    this.#turns = new Turns(maxConcurrent)
  }

  call(product: CloudProduct, action: string, parameters: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.#turns.take(() => this.#callPatiently(product, action, parameters))
  }

  async #callPatiently(
    product: CloudProduct,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const quiet = this.#quietUntil - this.#clock.now()
      if (quiet > 0) await this.#clock.sleep(quiet)
      try {
        return await this.#callOnce(product, action, parameters)
      } catch (error) {
        if (!isThrottled(error) || tries >= this.#retries) throw error
        const wait = Math.min(FIRST_WAIT_MS * 2 ** tries, LONGEST_WAIT_MS)
        this.#quietUntil = Math.max(this.#quietUntil, this.#clock.now() + wait)
      }
    }
  }

  async #callOnce(
    product: CloudProduct,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    const client = await this.#client(product)
    try {
      return await client.request<Answer>(
        action,
        { RegionId: this.#access.region, ...parameters },
        { method: 'POST', timeout: TIMEOUT_MS, headers: this.#headers(product, action) },
      )
    } catch (error) {
      throw translated(error, { action, endpoint: this.#access.endpoints[product] })
    }
  }

  #client(product: CloudProduct): Promise<PopCore> {
    const known = this.#clients.get(product)
    if (known !== undefined) return known
    const made = this.#load(product)
    this.#clients.set(product, made)
    return made
  }

  async #load(product: CloudProduct): Promise<PopCore> {
    const { default: Client } = await import('@alicloud/pop-core')
    const { accessKeyId, accessKeySecret, securityToken, endpoints, caPem } = this.#access
    return new Client({
      ...(caPem === undefined ? {} : { opts: { agent: await agentFor(caPem) } }),
      endpoint: endpoints[product],
      apiVersion: VERSIONS[product],
      accessKeyId,
      accessKeySecret,
      ...(securityToken === undefined ? {} : { securityToken }),
    })
  }

  #headers(product: CloudProduct, action: string): Readonly<Record<string, string>> {
    return {
      'x-acs-action': action,
      'x-acs-version': VERSIONS[product],
      'user-agent': `fairlead-ccm ClusterId/${this.#access.clusterId}`,
    }
  }
}

interface ErrorBody {
  readonly Code?: unknown
  readonly Message?: unknown
  readonly RequestId?: unknown
}

function translated(error: unknown, { action, endpoint }: { action: string; endpoint: string }): FairleadError {
  const body: ErrorBody | undefined =
    typeof error === 'object' && error !== null && 'data' in error ? Object(error.data) : undefined
  if (body?.Code === undefined) {
    return new FairleadError('API_UNREACHABLE', `No answer to ${action} from ${endpoint}: ${errorMessage(error)}`, {
      cause: error,
    })
  }
  return new CloudError({
    action,
    apiCode: String(body.Code),
    requestId: String(body.RequestId ?? ''),
    reason: String(body.Message ?? ''),
  })
}

async function agentFor(ca: string): Promise<Agent> {
  const { Agent } = await import('node:https')
  return new Agent({ ca, keepAlive: true })
}
