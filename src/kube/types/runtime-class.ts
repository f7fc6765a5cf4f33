/** Types of group node.k8s.io/v1 that Fairlead serves. */
import type { Toleration } from './core.ts'
import type { KubeObject } from './meta.ts'

/** What runs the containers of pods that name the class. */
export interface RuntimeClass extends KubeObject {
  /** The name under which nodes know the runtime. */
  readonly handler: string
  /** What a pod takes beside its containers. */
  readonly overhead?: { readonly podFixed?: Readonly<Record<string, string>> }
  /** On which nodes the class is to be had. */
  readonly scheduling?: {
    readonly nodeSelector?: Readonly<Record<string, string>>
    readonly tolerations?: readonly Toleration[]
  }
}
