import { isFairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { textOf } from '../api/answer.ts'
import type { CloudApi, CloudProduct } from '../api/cloud-api.ts'
import { isCloudError, isInstanceGone, isQuotaExhausted, isThrottled } from '../api/cloud-error.ts'
import type { Step } from '../diff/step.ts'

/** Products that have load balancers. */
export type BalancerProduct = Extract<CloudProduct, 'slb' | 'nlb'>

export interface RunOptions {
  readonly api: CloudApi
  readonly log: Log
  /** Of the load balancer. */
  readonly product: BalancerProduct
  /** Ids of groups that are there, by key. */
  readonly groupIds: ReadonlyMap<string, string>
}

export interface RunResult {
  /** Failures in the order in which they came; none: everything is done. */
  readonly failures: readonly unknown[]
  readonly groupIds: ReadonlyMap<string, string>
}

/** Ends of what others may still use when something before them failed. */
const ENDS: readonly string[] = [
  'DeleteVServerGroup',
  'DeleteAccessControlList',
  'DeleteServerGroup',
  'DeleteSecurityGroup',
]
/** Refusals which say that it is done already, by action. */
const DONE: Readonly<Record<string, string>> = {
  StartLoadBalancerListener: 'OperationFailed.ListenerStatusNotSupport',
  StartListener: 'IncorrectStatus.listener',
  DeleteListener: 'ResourceNotFound.listener',
  DeleteServerGroup: 'ResourceNotFound.serverGroup',
}
/** The parameter that is a group's id, and its name in the answer to creation. */
const GROUP_ID: Readonly<Record<BalancerProduct, string>> = { slb: 'VServerGroupId', nlb: 'ServerGroupId' }

/**
 * Makes the calls in order. One that fails keeps back those that build on it (of its group, of its listener) and the
 * ends of things; the others are made none the less. A cloud that does not answer ends it at once.
 */
export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<RunResult> {
  const run = new Run(options)
  const queue = [...steps]
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    const verdict = await run.make(step)
    if (verdict === 'stop') break
    // Room comes with the removals of the same group: once more when they are done.
    if (verdict === 'later') queue.splice(endOfGroup(queue, step.group), 0, finalTry(step))
  }
  return { failures: run.failures, groupIds: run.groupIds }
}

function finalTry({ mayWait: _, ...step }: Step): Step {
  return step
}

function endOfGroup(queue: readonly Step[], group: string | undefined): number {
  return queue.findLastIndex((step) => step.group === group && step.listener === undefined) + 1
}

class Run {
  readonly #options: RunOptions
  readonly #failed = new Set<string>()
  readonly groupIds: Map<string, string>
  readonly failures: unknown[] = []
  readonly #listenerIds = new Map<string, string>()
  #aclId: string | undefined

  constructor(options: RunOptions) {
    this.#options = options
    this.groupIds = new Map(options.groupIds)
  }

  async make(step: Step): Promise<'done' | 'later' | 'stop'> {
    const { api, log, product } = this.#options
    if (this.#isKeptBack(step)) return 'done'
    try {
      const answer = await api.call(step.product ?? product, step.action, this.#parameters(step))
      if (step.makesGroup !== undefined) this.groupIds.set(step.makesGroup, textOf(answer, GROUP_ID[product]))
      if (step.acl === 'makes') this.#aclId = textOf(answer, 'AclId')
      if (step.listener !== undefined) this.#listenerIds.set(step.listener, textOf(answer, 'ListenerId'))
      log.debug({ action: step.action }, 'Cloud changed')
      return 'done'
    } catch (error) {
      return this.#failedWith(error, step)
    }
  }

  #parameters({ parameters, group, acl, listener, usesListener }: Step): Readonly<Record<string, unknown>> {
    return {
      ...parameters,
      ...(group === undefined ? {} : { [GROUP_ID[this.#options.product]]: this.groupIds.get(group) ?? '' }),
      ...(acl === 'uses' ? { AclId: this.#aclId ?? '' } : {}),
      ...(usesListener === true ? { ListenerId: this.#listenerIds.get(listener ?? '') ?? '' } : {}),
    }
  }

  #isKeptBack(step: Step): boolean {
    if (ENDS.includes(step.action) && this.failures.length > 0) return true
    return needsOf(step).some((mark) => this.#failed.has(mark))
  }

  #failedWith(error: unknown, step: Step): 'done' | 'later' | 'stop' {
    if (step.mayWait === true && isQuotaExhausted(error)) return 'later'
    const done = DONE[step.action]
    if (done !== undefined && isCloudError(error, done)) return 'done'
    this.failures.push(error)
    for (const mark of marksOf(step)) this.#failed.add(mark)
    return isThrottled(error) || isInstanceGone(error) || isFairleadError(error, 'API_UNREACHABLE') ? 'stop' : 'done'
  }
}

/** What the step builds on. */
function needsOf({ group, makesGroup, listener, acl }: Step): string[] {
  const key = makesGroup ?? group
  return [
    ...(listener === undefined ? [] : [`listener ${listener}`]),
    ...(key === undefined ? [] : [`group ${key}`]),
    ...(acl === undefined ? [] : ['acl']),
  ]
}

/** What a failure of the step spoils. */
function marksOf({ group, makesGroup, listener, acl }: Step): string[] {
  const key = makesGroup ?? group
  return [
    ...(listener === undefined ? [] : [`listener ${listener}`]),
    // A listener that fails says nothing against its group.
    ...(key === undefined || listener !== undefined ? [] : [`group ${key}`]),
    ...(acl === undefined || listener !== undefined ? [] : ['acl']),
  ]
}
