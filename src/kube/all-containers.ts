import type { Container, ContainerStatus, Pod, PodSpec } from './types/core.ts'

/** The containers of a pod, initial ones first, those added to it last. */
export function allContainers(spec: PodSpec): readonly Container[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec
  return [...initContainers, ...containers, ...ephemeralContainers]
}

/** What has become of them, as far as the node has said it. */
export function allContainerStatuses({ status }: Pick<Pod, 'status'>): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {}
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]
}
