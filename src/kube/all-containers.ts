import type { Container, ContainerStatus, Pod, PodSpec } from './types/core.ts'

/** The containers of a pod, initial ones first. */
export function allContainers({ initContainers = [], containers }: PodSpec): readonly Container[] {
  return [...initContainers, ...containers]
}

/** What has become of them, as far as the node has said it. */
export function allContainerStatuses({ status }: Pick<Pod, 'status'>): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
}
