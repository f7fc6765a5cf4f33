import type { Product } from '../openapi/product.ts'
import { INSTANCE_ACTIONS } from './instance-actions.ts'
import { NETWORK_INTERFACE_ACTIONS } from './network-interface-actions.ts'
import { SECURITY_GROUP_ACTIONS } from './security-group-actions.ts'

/** ECS 2014-05-26: instances, their interfaces, security groups. */
export const ECS_PRODUCT: Product = {
  name: 'Ecs',
  version: '2014-05-26',
  ramPrefix: 'ecs',
  forbidden: 'Forbidden.RAM',
  resourceParameters: ['NetworkInterfaceId', 'InstanceId', 'SecurityGroupId'],
  actions: new Map([...INSTANCE_ACTIONS, ...NETWORK_INTERFACE_ACTIONS, ...SECURITY_GROUP_ACTIONS]),
}
