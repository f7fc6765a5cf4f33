import type { Service, ServicePort } from '../../kube/types/core.ts'
import type { Problem } from '../annotations/service-annotations.ts'
import type { BackendKey, InstanceKey } from '../annotations/table.ts'
import type { Owner } from '../names.ts'
import type { BackendPolicy } from './backends.ts'

/** How the controller is set up, as far as models depend on it. */
export interface ModelRules {
  readonly clusterId: string
  /** ACK's own way in everything where this controller does better. */
  readonly compat: boolean
  /** For Services that do not say. */
  readonly defaultBackendType: 'eni' | 'ecs'
  /** Whether `backend-ip-version` counts. */
  readonly ipv6DualStack: boolean
  /** Where load balancers are that do not say: zones with their vSwitches. */
  readonly zones?: readonly Zone[]
}

export interface Zone {
  readonly zoneId: string
  readonly vSwitchId: string
}

export type BackendAnnotations = Readonly<Partial<Record<BackendKey, string>>>

/** The annotations that every kind of load balancer has. */
export interface CommonAnnotations {
  readonly instance: Readonly<Partial<Record<Extract<InstanceKey, 'id' | 'addressType' | 'preserve'>, string>>>
  readonly backend: BackendAnnotations
}

/** A port of a Service, and where its traffic goes. */
export interface PlannedPort {
  readonly servicePort: ServicePort
  /** Name of its group; a port that only redirects has none. */
  readonly groupName?: string
  /** Someone else's group that an annotation binds to the port. */
  readonly groupId?: string
}

/** A Service with its annotations read: what can be said without asking the cloud. */
export interface ServicePlan {
  readonly service: Service
  readonly owner: Owner
  readonly annotations: CommonAnnotations
  readonly ports: readonly PlannedPort[]
  readonly policy: BackendPolicy
  /** Families of endpoints that become backends. */
  readonly addressTypes: readonly ('IPv4' | 'IPv6')[]
  /** Whether servers are addresses alone, whatever holds them. */
  readonly byAddress: boolean
  readonly problems: readonly Problem[]
  readonly rules: ModelRules
}

/** How the pods of a Service are attached. */
export function policyOf({ spec }: Service, { backend }: CommonAnnotations, rules: ModelRules): BackendPolicy {
  const type = backend.backendType ?? rules.defaultBackendType
  if (type === 'eni') return 'eni'
  return spec.externalTrafficPolicy === 'Local' ? 'local' : 'cluster'
}

/** What a group is named by. ENI: the port of pods; else that of nodes. */
export function groupPort({ targetPort, port, nodePort }: ServicePort, policy: BackendPolicy): number | string {
  return policy === 'eni' ? (targetPort ?? port) : (nodePort ?? 0)
}
