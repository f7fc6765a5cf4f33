import { collection } from '../state/collection.ts'
import type { Tag } from '../vpc/model.ts'

/** A machine: a node of the cluster. */
export interface Instance {
  /** `i-…` */
  readonly id: string
  readonly name: string
  /** `ecs.c7.xlarge`; how many ENIs and addresses it may have follows from it. */
  readonly instanceType: string
  readonly zoneId: string
  readonly vpcId: string
  readonly status: 'Running' | 'Stopped'
  readonly securityGroupIds: readonly string[]
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

/** An elastic network interface. The addresses are those of its vSwitch, the primary one first. */
export interface NetworkInterface {
  /** `eni-…` */
  readonly id: string
  readonly name: string
  readonly type: 'Primary' | 'Secondary'
  readonly status: 'Available' | 'InUse'
  readonly instanceId?: string
  readonly vSwitchId: string
  readonly macAddress: string
  readonly privateAddresses: readonly string[]
  readonly ipv6Addresses: readonly string[]
  readonly securityGroupIds: readonly string[]
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

/** What packets may reach the interfaces that belong to it. Packets that belong to an open connection always may. */
export interface SecurityGroup {
  readonly id: string
  readonly name: string
  readonly vpcId: string
  readonly type: 'normal' | 'enterprise'
  readonly rules: readonly SecurityGroupRule[]
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

export interface SecurityGroupRule {
  readonly id: string
  readonly direction: 'ingress' | 'egress'
  readonly policy: 'accept' | 'drop'
  /** 1 goes first, 100 last. */
  readonly priority: number
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all'
  /** `80/80`, `-1/-1` for all. */
  readonly portRange: string
  /** The other end: a CIDR, or a security group. */
  readonly cidr?: string
  readonly groupId?: string
}

export const INSTANCES = collection<Instance>('ecs.instances')
export const NETWORK_INTERFACES = collection<NetworkInterface>('ecs.network-interfaces')
export const SECURITY_GROUPS = collection<SecurityGroup>('ecs.security-groups')
