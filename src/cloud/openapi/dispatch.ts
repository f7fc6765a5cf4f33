import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { type Authenticated, authenticate } from './authenticate.ts'
import { idempotent } from './idempotency.ts'
import { Parameters } from './parameters.ts'
import type { Action, Product } from './product.ts'
import { type RamUser, ramAllows } from './ram-user.ts'
import { Refusal } from './refusal.ts'
import { ReplayGuard } from './replay-guard.ts'
import { type ApiRequest, parametersOf } from './request.ts'
import { Throttle, type ThrottleLimits } from './throttle.ts'

/** Calls per user and action, as the API reference of SLB has for most actions. */
export const DEFAULT_THROTTLE: ThrottleLimits = { perSecond: 100, burst: 200 }

export interface DispatchOptions {
  readonly state: CloudState
  readonly products: readonly Product[]
  readonly users: readonly RamUser[]
  /** @default {@link DEFAULT_THROTTLE} */
  readonly throttle?: ThrottleLimits
  readonly clock: Clock
  readonly log: Log
}

/** Status and JSON of an answer. */
export interface ApiAnswer {
  readonly status: number
  readonly body: object
}

/** Answers requests to the cloud's API; every failure becomes an answer too. */
export type Dispatch = (request: ApiRequest, requestId: string) => ApiAnswer

/** Signature, rights, throttle, action, in this order; the action's changes are one transaction. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { clock, log } = options
  const replay = new ReplayGuard(clock)
  const throttle = new Throttle(options.throttle ?? DEFAULT_THROTTLE, clock)
  return (request, requestId) => {
    try {
      const parameters = parametersOf(request)
      const asked = authenticate(request, parameters, { users: options.users, replay })
      return {
        status: 200,
        body: { RequestId: requestId, ...perform(asked, new Parameters(parameters), { options, throttle }) },
      }
    } catch (error) {
      const refusal = error instanceof Refusal ? error : internalError(error, log)
      return refused(refusal, { requestId, host: request.headers.get('host') ?? '' })
    }
  }
}

function perform(
  { user, action: name, version }: Authenticated,
  parameters: Parameters,
  { options, throttle }: { options: DispatchOptions; throttle: Throttle },
): object {
  const { product, action } = findAction(options.products, version, name)
  if (!throttle.take(user.accessKeyId, name)) {
    throw new Refusal('Throttling.User', 'Request was denied due to user flow control.')
  }
  requireRights(user, product, { name, parameters })
  const call = { parameters, user, now: options.clock.now() }
  return options.state.transact((transaction) => idempotent(name, action)({ ...call, transaction }))
}

function findAction(products: readonly Product[], version: string, name: string): { product: Product; action: Action } {
  const product = products.find((candidate) => candidate.version === version)
  if (product === undefined) {
    throw new Refusal('InvalidVersion', `Specified parameter Version is not valid: '${version}'.`)
  }
  const action = product.actions.get(name)
  if (action !== undefined) return { product, action }
  throw new Refusal(
    'InvalidAction.NotFound',
    `Specified api is not found, please check your url and method: '${name}'.`,
    404,
  )
}

function requireRights(
  user: RamUser,
  product: Product,
  { name, parameters }: { name: string; parameters: Parameters },
): void {
  const resource = product.resourceParameters.map((parameter) => parameters.string(parameter)).find(Boolean) ?? '*'
  if (ramAllows(user, `${product.ramPrefix}:${name}`, resource)) return
  throw new Refusal(
    product.forbidden,
    `User not authorized to operate on the specified resource: ${user.name} may not ${product.ramPrefix}:${name} ${resource}.`,
    403,
  )
}

function internalError(error: unknown, log: Log): Refusal {
  log.error({ err: error }, 'The cloud cannot answer a request')
  if (error instanceof FairleadError && error.code === 'STORE_FAILED')
    return new Refusal('SystemBusy', error.message, 503)
  return new Refusal('InternalError', 'The request processing has failed due to some unknown error.', 500)
}

function refused(refusal: Refusal, { requestId, host }: { requestId: string; host: string }): ApiAnswer {
  const body = { RequestId: requestId, HostId: host, Code: refusal.apiCode, Message: refusal.message }
  return { status: refusal.status, body }
}
