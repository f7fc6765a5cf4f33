import type { Draft } from '../kind.ts'
import { objectIn, objectsIn } from './draft.ts'

/** Quality of service of a pod, from the requests and limits for cpu and memory of its containers. */
export function qosClass(pod: Draft): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const spec = objectIn(pod, 'spec') ?? {}
  const resources = [...objectsIn(spec, 'containers'), ...objectsIn(spec, 'initContainers')].map((container) => {
    const given = objectIn(container, 'resources') ?? {}
    return { requests: objectIn(given, 'requests') ?? {}, limits: objectIn(given, 'limits') ?? {} }
  })
  const counted = ['cpu', 'memory']
  const none = resources.every(({ requests, limits }) => counted.every((name) => !requests[name] && !limits[name]))
  if (none) return 'BestEffort'
  const exact = resources.every(({ requests, limits }) =>
    counted.every((name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]),
  )
  return exact ? 'Guaranteed' : 'Burstable'
}
