import type { Product } from '../openapi/product.ts'
import { EIP_ACTIONS } from './eip-actions.ts'
import { NAT_GATEWAY_ACTIONS } from './nat-gateway-actions.ts'
import { ROUTE_ACTIONS } from './route-actions.ts'
import { SNAT_ACTIONS } from './snat-actions.ts'
import { VPC_ACTIONS } from './vpc-actions.ts'

/** VPC 2016-04-28: networks, EIPs, routes and NAT gateways. */
export const VPC_PRODUCT: Product = {
  name: 'Vpc',
  version: '2016-04-28',
  ramPrefix: 'vpc',
  forbidden: 'Forbidden.RAM',
  resourceParameters: ['AllocationId', 'RouteTableId', 'NatGatewayId', 'SnatTableId', 'VSwitchId', 'VpcId'],
  actions: new Map([...VPC_ACTIONS, ...EIP_ACTIONS, ...ROUTE_ACTIONS, ...NAT_GATEWAY_ACTIONS, ...SNAT_ACTIONS]),
}
