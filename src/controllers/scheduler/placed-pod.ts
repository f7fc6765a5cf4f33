import type { Node, Pod } from '../../kube/types/core.ts'

/** A pod that has a place, with the node it is on. */
export interface PlacedPod {
  readonly pod: Pod
  readonly node: Node
}
