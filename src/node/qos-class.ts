import type { PodSpec } from '../kube/types/core.ts'

type QosClass = 'BestEffort' | 'Burstable' | 'Guaranteed'

/** How a pod is treated when memory is short, from what its containers ask for. */
export function qosClass(spec: PodSpec): QosClass {
  const asks = [...(spec.initContainers ?? []), ...spec.containers].map(({ resources }) => ({
    limits: resources?.limits ?? {},
    requests: resources?.requests ?? {},
  }))
  if (asks.every(({ limits, requests }) => isEmpty(limits) && isEmpty(requests))) return 'BestEffort'
  const guaranteed = asks.every(({ limits, requests }) =>
    ['cpu', 'memory'].every((name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function isEmpty(quantities: Readonly<Record<string, string>>): boolean {
  return quantities.cpu === undefined && quantities.memory === undefined
}
