import type { Product } from '../openapi/product.ts'
import { EIP_ACTIONS } from './eip-actions.ts'
import { ROUTE_ACTIONS } from './route-actions.ts'
import { VPC_ACTIONS } from './vpc-actions.ts'

/** VPC 2016-04-28: networks, EIPs and routes. */
export const VPC_PRODUCT: Product = {
  name: 'Vpc',
  version: '2016-04-28',
  ramPrefix: 'vpc',
  forbidden: 'Forbidden.RAM',
  resourceParameters: ['AllocationId', 'RouteTableId', 'VSwitchId', 'VpcId'],
  actions: new Map([...VPC_ACTIONS, ...EIP_ACTIONS, ...ROUTE_ACTIONS]),
}
