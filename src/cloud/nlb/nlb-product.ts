import type { Product } from '../openapi/product.ts'
import type { ReadHealth } from '../slb/health-actions.ts'
import type { ChangedSince } from '../state/unfollowed.ts'
import { unlessBusy } from './busy.ts'
import { CERTIFICATE_ACTIONS } from './certificate-actions.ts'
import { getListenerHealthStatus } from './health-actions.ts'
import { jobActions } from './jobs.ts'
import { LISTENER_ACTIONS } from './listener-actions.ts'
import { LISTENER_VIEWS } from './listener-views.ts'
import { LOAD_BALANCER_ACTIONS } from './load-balancer-actions.ts'
import { LOAD_BALANCER_VIEWS } from './load-balancer-views.ts'
import { inNlbWords } from './refusals.ts'
import { SERVER_GROUP_ACTIONS } from './server-group-actions.ts'
import { SERVER_GROUP_VIEWS } from './server-group-views.ts'
import { TAG_ACTIONS } from './tag-actions.ts'

/** What NLB asks of the data plane. */
export interface NlbReports {
  /** What its checks found. */
  readonly health: ReadHealth
  /** Whether packets do not follow a job yet. */
  readonly isOpen: (jobId: string) => boolean
  /** What packets do not follow yet. @default they follow everything */
  readonly since?: ChangedSince
}

/** NLB 2022-04-30: Network Load Balancers. */
export function createNlbProduct({ health, isOpen, since = () => undefined }: NlbReports): Product {
  const actions = [
    ...LOAD_BALANCER_ACTIONS,
    ...LOAD_BALANCER_VIEWS,
    ...LISTENER_ACTIONS,
    ...LISTENER_VIEWS,
    ...SERVER_GROUP_ACTIONS,
    ...SERVER_GROUP_VIEWS,
    ...CERTIFICATE_ACTIONS,
    ...TAG_ACTIONS,
    ...jobActions(isOpen),
    ['GetListenerHealthStatus', getListenerHealthStatus(health)] as const,
  ]
  return {
    name: 'Nlb',
    version: '2022-04-30',
    ramPrefix: 'nlb',
    forbidden: 'Forbidden.NoPermission',
    resourceParameters: ['LoadBalancerId', 'ListenerId', 'ServerGroupId'],
    actions: new Map(actions.map(([name, action]) => [name, inNlbWords(unlessBusy(name, action, since))])),
  }
}
