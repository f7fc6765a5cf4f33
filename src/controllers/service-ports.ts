import type { Pod, ServicePort } from '../kube/types/core.ts'

/**
 * The port of a pod that a Service port leads to: a number as it is, a name as the pod's containers (sidecars included)
 * declare it for the same protocol; `undefined` when the pod has no such port.
 */
export function targetPortOf(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  const protocol = port.protocol ?? 'TCP'
  for (const container of [...pod.spec.containers, ...sidecarsOf(pod)]) {
    const found = container.ports?.find(
      (candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol,
    )
    if (found !== undefined) return found.containerPort
  }
  return undefined
}

/** Init containers that go on running beside the others (KEP-753). */
function sidecarsOf(pod: Pod): Pod['spec']['containers'] {
  return (pod.spec.initContainers ?? []).filter(
    (container) => 'restartPolicy' in container && container.restartPolicy === 'Always',
  )
}
