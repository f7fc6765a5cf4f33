/** What is told of a Service, as conditions in its status: for programs, `kubectl wait` and the column REASON. */

import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Condition } from '../../kube/types/meta.ts'
import type { ServiceCauseCode } from './cause.ts'

/** Whether somebody answers behind the Service; if not, why. */
const ENDPOINTS_READY = 'fairlead.dev/EndpointsReady'
/** Whether somebody provides the load balancer. Who does says more, in conditions of its own. */
const LOAD_BALANCER_ACCEPTED = 'fairlead.dev/LoadBalancerAccepted'
/** Whether the name leads somewhere that an ExternalName Service stands for. */
const NAME_RESOLVED = 'fairlead.dev/NameResolved'

export type ServiceConditionType = typeof ENDPOINTS_READY | typeof LOAD_BALANCER_ACCEPTED | typeof NAME_RESOLVED

/** The condition that a cause makes False. A Service that another proxy serves has nothing wrong with it. */
export const CONDITION_OF: Readonly<Record<ServiceCauseCode, ServiceConditionType | undefined>> = {
  'no-pod-matches': ENDPOINTS_READY,
  'pod-ended': ENDPOINTS_READY,
  'no-endpoints': ENDPOINTS_READY,
  'not-ready': ENDPOINTS_READY,
  'wrong-target-port': ENDPOINTS_READY,
  'another-proxy': undefined,
  'load-balancer-pending': LOAD_BALANCER_ACCEPTED,
  'external-name-loop': NAME_RESOLVED,
  'external-name-address': NAME_RESOLVED,
  'name-unknown': NAME_RESOLVED,
}

/** What an Event and a condition say when it is over. */
export const RECOVERED = {
  reason: 'Recovered',
  message: 'The Service leads somewhere again: what was told before is over',
} as const

const OWN: ReadonlySet<string> = new Set([ENDPOINTS_READY, LOAD_BALANCER_ACCEPTED, NAME_RESOLVED])

/** Whether a condition is one of these, and not that of a cloud controller. */
export function isOwnCondition({ type }: Condition): boolean {
  return OWN.has(type)
}

/** Whether a condition of these still says that something is wrong. */
export function hasOpenCondition({ status }: Service): boolean {
  return status?.conditions?.some((condition) => condition.status === 'False' && isOwnCondition(condition)) === true
}

/** Something that is wrong with a Service. */
export interface Trouble {
  readonly condition?: ServiceConditionType | undefined
  readonly reason: string
  /** What people were told of it; undefined while nobody was. */
  readonly told: string | undefined
}

/**
 * The conditions that are not as they should be. One is made when people are told of its reason for the first time, and
 * True when that is over: a Service that was always well has none, and costs no write.
 *
 * @param now Milliseconds since the epoch.
 */
export function conditionChanges(service: Service, troubles: readonly Trouble[], now: number): readonly Condition[] {
  const before = service.status?.conditions ?? []
  const wanted = [...OWN].flatMap((type): Condition[] => {
    const trouble = troubles.find(({ condition }) => condition === type)
    if (trouble !== undefined) {
      const { reason, told: message } = trouble
      return message === undefined ? [] : [{ type, status: 'False', reason, message }]
    }
    return findCondition(before, type)?.status === 'False' ? [{ type, status: 'True', ...RECOVERED }] : []
  })
  return wanted.flatMap((condition) => {
    const after = setCondition(before, condition, now)
    return after === before ? [] : (findCondition(after, condition.type) ?? [])
  })
}
