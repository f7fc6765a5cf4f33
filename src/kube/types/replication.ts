/** ReplicationController and PodTemplate of group "" (core/v1). */
import type { PodTemplateSpec } from './core.ts'
import type { Condition, KubeObject } from './meta.ts'

export interface ReplicationController extends KubeObject {
  readonly spec: {
    readonly replicas?: number
    readonly minReadySeconds?: number
    readonly selector?: Readonly<Record<string, string>>
    readonly template?: PodTemplateSpec
  }
  readonly status?: {
    readonly replicas: number
    readonly fullyLabeledReplicas?: number
    readonly readyReplicas?: number
    readonly availableReplicas?: number
    readonly observedGeneration?: number
    readonly conditions?: readonly Condition[]
  }
}

export interface PodTemplate extends KubeObject {
  readonly template: PodTemplateSpec
}
