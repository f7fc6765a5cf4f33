import type { Product } from '../openapi/product.ts'
import { ACL_ACTIONS } from './acl-actions.ts'
import { CERTIFICATE_ACTIONS } from './certificate-actions.ts'
import { DOMAIN_EXTENSION_ACTIONS } from './domain-extension-actions.ts'
import { describeHealthStatus, type ReadHealth } from './health-actions.ts'
import { LISTENER_ACTIONS } from './listener-actions.ts'
import { LISTENER_VIEWS } from './listener-views.ts'
import { LOAD_BALANCER_ACTIONS } from './load-balancer-actions.ts'
import { LOAD_BALANCER_VIEWS } from './load-balancer-views.ts'
import { TAG_ACTIONS } from './tag-actions.ts'
import { VSERVER_GROUP_ACTIONS } from './vserver-group-actions.ts'

/** SLB 2014-05-15: Classic Load Balancers. `health` tells what the data plane's checks found. */
export function createSlbProduct(health: ReadHealth): Product {
  return {
    name: 'Slb',
    version: '2014-05-15',
    ramPrefix: 'slb',
    forbidden: 'Forbidden.RAM',
    resourceParameters: ['LoadBalancerId', 'VServerGroupId', 'AclId', 'ServerCertificateId'],
    actions: new Map([
      ...LOAD_BALANCER_ACTIONS,
      ...LOAD_BALANCER_VIEWS,
      ...LISTENER_ACTIONS,
      ...LISTENER_VIEWS,
      ...VSERVER_GROUP_ACTIONS,
      ...ACL_ACTIONS,
      ...CERTIFICATE_ACTIONS,
      ...DOMAIN_EXTENSION_ACTIONS,
      ...TAG_ACTIONS,
      ['DescribeHealthStatus', describeHealthStatus(health)],
    ]),
  }
}
