import { errorMessage } from '../../base/error.ts'
import type { Problem } from '../annotations/service-annotations.ts'
import { problemText } from '../annotations/service-annotations.ts'
import { CloudError, isQuotaExhausted, isThrottled, isUnpaid } from '../api/cloud-error.ts'
import type { MissingBackend } from '../desired/backends.ts'
import type { Unready } from '../desired/endpoints.ts'
import type { NewCondition } from './service-writer.ts'

/** Whether the load balancer is as the Service asks for it; if not, why. */
export const READY_CONDITION = 'service.k8s.alibaba/LoadBalancerReady'
/** Whether everybody who should be is attached to it; if not, who is missing, and why. */
export const BACKENDS_CONDITION = 'service.k8s.alibaba/BackendsAttached'
export const CONDITION_TYPES: readonly string[] = [READY_CONDITION, BACKENDS_CONDITION]

/** Conditions hold 32 KiB, Events 1 KiB. */
const CONDITION_LENGTH = 4_000
const EVENT_LENGTH = 1_000

/** What an Event says of a failure: of the cloud's refusals the message alone. */
export function failureText(error: unknown): string {
  const text = error instanceof CloudError ? `Message: ${error.refusal.reason}` : errorMessage(error)
  return shortened(text, EVENT_LENGTH)
}

export function invalidText(problems: readonly Problem[]): string {
  return shortened(problems.map(problemText).join('; '), EVENT_LENGTH)
}

export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

export function invalidCondition(problems: readonly Problem[]): NewCondition {
  return notReady('InvalidAnnotation', problems.map(problemText).join('; '))
}

/** Why a load balancer is not as it should be, in one word and a sentence. */
export function failureCondition(error: unknown): NewCondition {
  return notReady(failureReason(error), errorMessage(error))
}

function failureReason(error: unknown): string {
  if (isQuotaExhausted(error)) return 'QuotaExceeded'
  if (isThrottled(error)) return 'Throttled'
  if (isUnpaid(error)) return 'InsufficientBalance'
  const text = errorMessage(error)
  if (text.includes('is held by')) return 'PortConflict'
  if (text.includes('can not find loadbalancer')) return 'LoadBalancerGone'
  if (text.includes('can not reuse') || text.includes('cannot be bound')) return 'ReuseRefused'
  if (text.includes('once created')) return 'Immutable'
  return error instanceof CloudError ? 'CloudRefused' : 'SyncFailed'
}

export function readyCondition(id: string): NewCondition {
  return { type: READY_CONDITION, status: 'True', reason: 'Ensured', message: `Ensured load balancer [${id}]` }
}

function notReady(reason: string, message: string): NewCondition {
  return { type: READY_CONDITION, status: 'False', reason, message: shortened(message, CONDITION_LENGTH) }
}

/** @param noun `LoadBalancer`, `NetworkLoadBalancer` */
export function nobodyText(noun: string): string {
  return `There are no available nodes for ${noun}`
}

/** Who is attached, and who is not. */
export interface Attachment {
  readonly attached: number
  readonly missing: readonly MissingBackend[]
  /** Nodes that somebody wants not to be attached. */
  readonly excluded: readonly MissingBackend[]
  readonly unready: readonly Unready[]
  /** What it is attached to, as people call it. */
  readonly noun: string
}

export function backendsCondition({ attached, missing, excluded, unready, noun }: Attachment): NewCondition {
  const reasons = [...missing.map(missingText), ...unready.map(unreadyText)]
  const type = BACKENDS_CONDITION
  if (attached === 0) {
    const all = [...reasons, ...excluded.map(missingText)].join('; ')
    const message = shortened(`${nobodyText(noun)}: ${all === '' ? NO_ENDPOINTS : all}`, CONDITION_LENGTH)
    return { type, status: 'False', reason: 'NoBackends', message }
  }
  if (reasons.length > 0) {
    return { type, status: 'False', reason: 'SomeMissing', message: shortened(reasons.join('; '), CONDITION_LENGTH) }
  }
  return { type, status: 'True', reason: 'AllAttached', message: '' }
}

const NO_ENDPOINTS = 'the Service has no endpoints, or the cluster no nodes'

export function missingText({ who, reason }: MissingBackend): string {
  return `${who}: ${reason}`
}

export function unreadyText({ name, reason }: Unready): string {
  return `${name}: ${reason}`
}
