import type { InstanceKey, ListenerProtocol } from './annotations/table.ts'

export interface Tag {
  readonly key: string
  readonly value: string
}

/** Attributes of an instance, in the words of the API; one that is not there is left to the API or as it is. */
export type InstanceSettings = Readonly<Partial<Record<AttributeKey, string>>>

/** Annotations of the instance that are attributes of it. */
export type AttributeKey = Exclude<
  InstanceKey,
  'id' | 'tags' | 'externalIpType' | 'hostname' | 'forceOverride' | 'preserve'
>

/** Someone else's instance that a Service uses. */
export interface Reuse {
  readonly id: string
  /** Whether listeners of the Service's ports are written. */
  readonly override: boolean
}

/** A server behind a load balancer: a node (`ecs`), an address on an interface (`eni`), or an address alone (`ip`). */
export interface Backend {
  readonly type: 'ecs' | 'eni' | 'ip'
  readonly serverId: string
  readonly serverIp?: string
  readonly port: number
  readonly weight: number
  readonly description: string
}

/** A group of backends as it should be. */
export interface DesiredGroup {
  /** `k8s/…`; also the description of its backends, in someone else's group too. */
  readonly name: string
  /** Someone else's group (`rsp-…`, `sgp-…`), given by annotation. */
  readonly id?: string
  /** What it takes, on NLB; it never changes. */
  readonly type?: GroupType
  /** Parameters that it must have, on NLB. */
  readonly settings?: Readonly<Record<string, string>>
  readonly backends: readonly Backend[]
  /** Some pod's interface is not known: then nothing is taken out, since it may be the last that works. */
  readonly isIncomplete: boolean
}

/** Machines and interfaces, or addresses. */
export type GroupType = 'Instance' | 'Ip'

export interface DomainExtension {
  readonly domain: string
  readonly certificateId: string
}

/** A listener as it should be. */
export interface DesiredListener {
  readonly port: number
  readonly protocol: ListenerProtocol
  readonly description: string
  /** Name of its group; one that only redirects has none. */
  readonly groupName?: string
  /** Parameters by the names of {@link LISTENER_ROWS}, with the values that they must have. */
  readonly settings: Readonly<Record<string, string>>
  /** Further ones for when it is made. */
  readonly initial: Readonly<Record<string, string>>
  /** `undefined`: not looked after. */
  readonly domainExtensions?: readonly DomainExtension[]
}

/** What every kind of load balancer has, as a Service asks for it. */
export interface WantedBalancer {
  readonly tags: readonly Tag[]
  /** Keys of tags that went with an annotation. */
  readonly droppedTags: readonly string[]
  readonly reuse?: Reuse
  readonly groups: readonly DesiredGroup[]
}

/** A Classic Load Balancer as a Service asks for it. */
export interface DesiredModel extends WantedBalancer {
  readonly settings: InstanceSettings
  readonly listeners: readonly DesiredListener[]
  /** What may reach it (`spec.loadBalancerSourceRanges`); `undefined`: everything. */
  readonly sourceRanges?: readonly string[]
}

export interface ObservedGroup {
  readonly id: string
  readonly name: string
  /** On NLB. */
  readonly tags?: readonly Tag[]
  readonly type?: GroupType
  readonly settings?: Readonly<Record<string, string>>
  readonly backends: readonly Backend[]
}

export interface ObservedListener {
  readonly port: number
  readonly protocol: ListenerProtocol
  readonly description: string
  readonly isRunning: boolean
  readonly groupId: string
  readonly settings: Readonly<Record<string, string>>
  /** Read only where they are looked after. */
  readonly domainExtensions?: readonly (DomainExtension & { readonly id: string })[]
}

/** What every kind of instance has. */
export interface SeenInstance {
  readonly id: string
  readonly tags: readonly Tag[]
}

export interface ObservedInstance extends SeenInstance {
  readonly address: string
  readonly settings: InstanceSettings
}

export interface ObservedAcl {
  readonly id: string
  readonly entries: readonly string[]
}

/** What every kind of load balancer has, as the cloud has it. */
export interface SeenBalancer {
  readonly instance: SeenInstance
  /** Own groups, and those that an annotation names. */
  readonly groups: readonly ObservedGroup[]
  /** Servers in groups of others, which count against the instance's quota. */
  readonly otherServers: number
}

/** A Classic Load Balancer as the cloud has it. */
export interface ObservedModel extends SeenBalancer {
  readonly instance: ObservedInstance
  readonly listeners: readonly ObservedListener[]
  /** The list of the Service's source ranges. */
  readonly acl?: ObservedAcl
}
