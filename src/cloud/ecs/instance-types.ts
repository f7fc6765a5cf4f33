/** What an instance type allows of interfaces. */
export interface InstanceType {
  readonly id: string
  readonly cpuCores: number
  readonly memoryGib: number
  /** Interfaces in all, the primary one included. */
  readonly eniQuantity: number
  /** IPv4 addresses of each interface, the primary one included. */
  readonly eniPrivateIpAddressQuantity: number
  readonly eniIpv6AddressQuantity: number
}

/** Some types of the general-purpose families, with the limits that the ECS documentation gives ("Instance families"). */
export const INSTANCE_TYPES: readonly InstanceType[] = [
  type('ecs.g7.large', { cores: 2, memory: 8, enis: 3, addresses: 6 }),
  type('ecs.g7.xlarge', { cores: 4, memory: 16, enis: 4, addresses: 15 }),
  type('ecs.g7.2xlarge', { cores: 8, memory: 32, enis: 4, addresses: 15 }),
  type('ecs.g7.4xlarge', { cores: 16, memory: 64, enis: 8, addresses: 30 }),
  type('ecs.c7.large', { cores: 2, memory: 4, enis: 3, addresses: 6 }),
  type('ecs.c7.xlarge', { cores: 4, memory: 8, enis: 4, addresses: 15 }),
  type('ecs.c7.2xlarge', { cores: 8, memory: 16, enis: 4, addresses: 15 }),
  type('ecs.r7.xlarge', { cores: 4, memory: 32, enis: 4, addresses: 15 }),
]

/** The type of nodes when nothing else is asked for. */
export const DEFAULT_INSTANCE_TYPE = 'ecs.g7.xlarge'

/** Looks a type up by its id. */
export function findInstanceType(id: string): InstanceType | undefined {
  return INSTANCE_TYPES.find((candidate) => candidate.id === id)
}

function type(
  id: string,
  { cores, memory, enis, addresses }: { cores: number; memory: number; enis: number; addresses: number },
): InstanceType {
  return {
    id,
    cpuCores: cores,
    memoryGib: memory,
    eniQuantity: enis,
    eniPrivateIpAddressQuantity: addresses,
    eniIpv6AddressQuantity: addresses,
  }
}
