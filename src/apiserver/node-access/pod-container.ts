import type { Pod } from '../../kube/types/core.ts'
import { badRequest } from '../status-error.ts'

/**
 * The container that a request for a pod means: the one named, or the only one.
 *
 * @throws StatusError 400 in upstream's words.
 */
export function containerOf({ metadata: { name }, spec }: Pod, wanted: string | null): string {
  const names = spec.containers.map((container) => container.name)
  const initial = (spec.initContainers ?? []).map((container) => container.name)
  if (wanted) {
    const added = (spec.ephemeralContainers ?? []).map((container) => container.name)
    if ([...names, ...initial, ...added].includes(wanted)) return wanted
    throw badRequest(`container ${wanted} is not valid for pod ${name}`)
  }
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  const also = initial.length === 0 ? '' : ` or one of the init containers: [${initial.join(' ')}]`
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]${also}`)
}
