import { type Clock, systemClock } from '../../base/clock.ts'
import { errorMessage, FairleadError, systemErrorCode } from '../../base/error.ts'
import type { AccessKeys, KeySource } from '../credentials/access-keys.ts'
import { acs3Requester } from './acs3-requester.ts'
import type { Answer, CloudApi, CloudProduct } from './cloud-api.ts'
import { CloudError, isThrottled } from './cloud-error.ts'
import { type Requester, rpcRequester } from './rpc-requester.ts'
import { Turns } from './turns.ts'

/** Where the cloud is, and who asks. */
export interface CloudPlace {
  /** `https://slb.cn-hangzhou.aliyuncs.com` */
  readonly endpoints: Readonly<Record<CloudProduct, string>>
  readonly region: string
  readonly clusterId: string
  /** PEM of whoever signed the endpoints' certificates. @default those that Node.js knows */
  readonly caPem?: string
}

export interface CloudAccess extends CloudPlace, AccessKeys {}

export interface PopClientOptions {
  /** With keys that stay, or that are asked for at each call. */
  readonly access: CloudAccess | (CloudPlace & { readonly keys: KeySource })
  /** Calls at the same time. @default 10 */
  readonly maxConcurrent?: number
  /** How often a call is tried again that was refused because there were too many. @default 10 */
  readonly maxThrottlingRetries?: number
  readonly clock?: Clock
}

/** How each product is asked, and by which version of its API. */
const PRODUCTS = {
  slb: { version: '2014-05-15', signs: rpcRequester },
  nlb: { version: '2022-04-30', signs: acs3Requester },
  ecs: { version: '2014-05-26', signs: rpcRequester },
  vpc: { version: '2016-04-28', signs: rpcRequester },
} as const
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000

/** Calls the cloud with the public clients, which are loaded at the first call. */
export function createPopClient(options: PopClientOptions): CloudApi {
  return new PopClient(options)
}

class PopClient implements CloudApi {
  readonly #access: CloudPlace
  readonly #keys: KeySource
  readonly #retries: number
  readonly #clock: Clock
  readonly #turns: Turns
  /** Made with the keys that counted then. */
  readonly #requesters = new Map<CloudProduct, { readonly keys: AccessKeys; readonly made: Promise<Requester> }>()
  /** Until then nobody calls: the account is throttled, and every call would only make it worse. */
  #quietUntil = 0

  constructor({ access, maxConcurrent = 10, maxThrottlingRetries = 10, clock = systemClock }: PopClientOptions) {
    this.#access = access
    this.#keys = 'keys' in access ? access.keys : async () => access
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
    const request = await this.#requester(product)
    const asked = { RegionId: this.#access.region, ...parameters }
    try {
      return await request(action, asked).catch((error: unknown) => {
        // Who answers ends connections that were idle, maybe just when the next call is on its way.
        if (isReset(error) && isRead(action)) return request(action, asked)
        throw error
      })
    } catch (error) {
      throw translated(error, { action, endpoint: this.#access.endpoints[product] })
    }
  }

  async #requester(product: CloudProduct): Promise<Requester> {
    const keys = await this.#keys()
    const known = this.#requesters.get(product)
    if (known?.keys === keys) return known.made
    const { version, signs } = PRODUCTS[product]
    const { clusterId, caPem } = this.#access
    const { accessKeyId, accessKeySecret, securityToken } = keys
    const made = signs({
      version,
      endpoint: this.#access.endpoints[product],
      clusterId,
      accessKeyId,
      accessKeySecret,
      ...(securityToken === undefined ? {} : { securityToken }),
      ...(caPem === undefined ? {} : { caPem }),
    })
    this.#requesters.set(product, { keys, made })
    return made
  }
}

function isReset(error: unknown): boolean {
  return systemErrorCode(error) === 'ECONNRESET' || errorMessage(error).includes('ECONNRESET')
}

/** Whether a call changes nothing, so that it may be made twice. */
function isRead(action: string): boolean {
  return /^(Describe|List|Get)/.test(action)
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
