import type { Node, Pod, Taint } from '../../kube/types/core.ts'
import { tolerates } from '../taints.ts'

/**
 * How long a pod may stay on a node, in milliseconds: 0 when it must go, `undefined` when it may stay for good. Of the
 * tolerations that cover the node's NoExecute taints, the first for each taint counts, and of those the shortest.
 */
export function evictionDelay(pod: Pod, node: Node): number | undefined {
  const taints = noExecuteTaints(node)
  let shortest = Number.POSITIVE_INFINITY
  for (const taint of taints) {
    const toleration = pod.spec.tolerations?.find((each) => tolerates(each, taint))
    if (toleration === undefined) return 0
    if (toleration.tolerationSeconds !== undefined) shortest = Math.min(shortest, toleration.tolerationSeconds)
  }
  return shortest === Number.POSITIVE_INFINITY ? undefined : Math.max(0, shortest * 1000)
}

/** The taints that drive pods away. */
export function noExecuteTaints(node: Node): readonly Taint[] {
  return (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute')
}
