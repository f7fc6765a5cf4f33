/** Why a node does not take a pod. */
export interface Refusal {
  /** In upstream's words. */
  readonly reason: string
  /** Whether it could be taken if other pods were not there. */
  readonly resolvable: boolean
}

/** A refusal that other pods are to blame for. */
export function resolvable(reason: string): Refusal {
  return { reason, resolvable: true }
}

/** A refusal for what the node itself is. */
export function unresolvable(reason: string): Refusal {
  return { reason, resolvable: false }
}
