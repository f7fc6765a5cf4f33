import { collection } from '../state/collection.ts'

/** A key and a value; at most 20 on a resource. */
export interface Tag {
  readonly key: string
  readonly value: string
}

/** A virtual private cloud. */
export interface VpcDocument {
  readonly id: string
  readonly name: string
  readonly cidrBlock: string
  readonly secondaryCidrBlocks: readonly string[]
  readonly ipv6CidrBlock?: string
  readonly createdAt: number
}

/** A subnet in one zone. Its first address and its last three are the cloud's own. */
export interface VSwitch {
  readonly id: string
  readonly name: string
  readonly vpcId: string
  readonly zoneId: string
  /** `192.168.0.0/24` */
  readonly cidrBlock: string
  readonly ipv6CidrBlock?: string
  readonly createdAt: number
}

/** Who holds an address of a vSwitch: every private address in use has one document, keyed `<vSwitchId>/<address>`. */
export interface PrivateAddress {
  readonly vSwitchId: string
  readonly address: string
  /** `eni-…`, `lb-…`, `nlb-…`: the resource that holds it. */
  readonly holder: string
}

/** A public address of its own, bound to something or free. */
export interface ElasticIp {
  readonly allocationId: string
  readonly address: string
  readonly name: string
  readonly bandwidth: number
  readonly internetChargeType: 'PayByTraffic' | 'PayByBandwidth'
  readonly tags: readonly Tag[]
  readonly binding?: ElasticIpBinding
  readonly createdAt: number
}

export interface ElasticIpBinding {
  readonly instanceType: 'EcsInstance' | 'NetworkInterface' | 'SlbInstance' | 'Nat' | 'Nlb'
  readonly instanceId: string
  /** The private address that it stands for. */
  readonly privateAddress: string
}

/** A route of a VPC's table; a node's pod range leads to its instance (Flannel). */
export interface RouteEntry {
  readonly id: string
  readonly routeTableId: string
  readonly destinationCidrBlock: string
  readonly nextHopType: 'Instance' | 'NetworkInterface' | 'NatGateway'
  readonly nextHopId: string
  readonly name: string
  readonly type: 'System' | 'Custom'
  readonly createdAt: number
}

export interface RouteTable {
  readonly id: string
  readonly vpcId: string
  readonly type: 'System' | 'Custom'
}

/** A NAT gateway: machines without a public address of their own reach the internet by its EIPs. */
export interface NatGateway {
  /** `ngw-…` */
  readonly id: string
  readonly name: string
  readonly vpcId: string
  readonly vSwitchId: string
  /** Its own address in the vSwitch. */
  readonly privateAddress: string
  /** `stb-…` */
  readonly snatTableId: string
  readonly createdAt: number
}

/** Who appears as which public address. The longest range that holds a source counts. */
export interface SnatEntry {
  /** `snat-…` */
  readonly id: string
  readonly name: string
  readonly snatTableId: string
  /** Left out for a range of its own. */
  readonly sourceVSwitchId?: string
  readonly sourceCidr: string
  /** An EIP of the gateway. */
  readonly snatIp: string
}

export const VPCS = collection<VpcDocument>('vpc.vpcs')
export const VSWITCHES = collection<VSwitch>('vpc.vswitches')
export const PRIVATE_ADDRESSES = collection<PrivateAddress>('vpc.private-addresses')
export const ELASTIC_IPS = collection<ElasticIp>('vpc.elastic-ips')
export const ROUTE_TABLES = collection<RouteTable>('vpc.route-tables')
export const ROUTE_ENTRIES = collection<RouteEntry>('vpc.route-entries')
export const NAT_GATEWAYS = collection<NatGateway>('vpc.nat-gateways')
export const SNAT_ENTRIES = collection<SnatEntry>('vpc.snat-entries')
