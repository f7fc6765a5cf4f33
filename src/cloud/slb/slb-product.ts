import type { Product } from '../openapi/product.ts'
import type { ChangedSince } from '../state/unfollowed.ts'
import { ACL_ACTIONS } from './acl-actions.ts'
import { unlessBusy } from './busy.ts'
import { CERTIFICATE_ACTIONS } from './certificate-actions.ts'
import { DOMAIN_EXTENSION_ACTIONS } from './domain-extension-actions.ts'
import { describeHealthStatus, type ReadHealth } from './health-actions.ts'
import { LISTENER_ACTIONS } from './listener-actions.ts'
import { listenerViews } from './listener-views.ts'
import { LOAD_BALANCER_ACTIONS } from './load-balancer-actions.ts'
import { LOAD_BALANCER_VIEWS } from './load-balancer-views.ts'
import { TAG_ACTIONS } from './tag-actions.ts'
import { VSERVER_GROUP_ACTIONS } from './vserver-group-actions.ts'

/**
 * SLB 2014-05-15: Classic Load Balancers.
 *
 * @param health What the data plane's checks found.
 * @param since What packets do not follow yet.
 */
export function createSlbProduct(health: ReadHealth, since: ChangedSince = () => undefined): Product {
  const actions = [
    ...LOAD_BALANCER_ACTIONS,
    ...LOAD_BALANCER_VIEWS,
    ...LISTENER_ACTIONS,
    ...listenerViews(since),
    ...VSERVER_GROUP_ACTIONS,
    ...ACL_ACTIONS,
    ...CERTIFICATE_ACTIONS,
    ...DOMAIN_EXTENSION_ACTIONS,
    ...TAG_ACTIONS,
    ['DescribeHealthStatus', describeHealthStatus(health)] as const,
  ]
  return {
    name: 'Slb',
    version: '2014-05-15',
    ramPrefix: 'slb',
    forbidden: 'Forbidden.RAM',
    resourceParameters: ['LoadBalancerId', 'VServerGroupId', 'AclId', 'ServerCertificateId'],
    actions: new Map(actions.map(([name, action]) => [name, unlessBusy(name, action, since)])),
  }
}
