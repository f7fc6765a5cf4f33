import { allContainerStatuses, allContainers } from '../../kube/all-containers.ts'
import type { ContainerStatus, Pod } from '../../kube/types/core.ts'
import type { ContainerRecord, Runtime } from '../runtime/runtime.ts'
import { type HttpFailure, httpFailure } from './http-failure.ts'

/** What the server shows of a node: its pods, and what runs of them. */
export interface NodePods {
  /** The pods that are bound to the node. */
  list(): readonly Pod[]
  /** Path of the network namespace of a pod; left out for a pod in the node's own. */
  netns(uid: string): string | undefined
  /** Control group of the node; that of a pod is its uid below, that of a container's run its name and attempt below. */
  readonly cgroup: string
  readonly runtime: Pick<Runtime, 'containers' | 'logs' | 'execStreaming' | 'input'>
}

/** Where a container is named in a URL. */
export interface ContainerPlace {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

export function findPod(node: NodePods, { namespace, pod }: Omit<ContainerPlace, 'container'>): Pod | HttpFailure {
  const found = node.list().find(({ metadata }) => metadata.namespace === namespace && metadata.name === pod)
  return found ?? httpFailure(404, `pod "${pod}" not found`)
}

/** The run whose log is meant: the newest, or with `previous` the one that the pod's status calls the last. */
export function findLogRun(
  node: NodePods,
  pod: Pod,
  { container, previous }: { container: string; previous: boolean },
): ContainerRecord | HttpFailure {
  if (!containerNames(pod).includes(container)) {
    return httpFailure(404, `container "${container}" not found in pod "${pod.metadata.name}"`)
  }
  const runs = node.runtime.containers(pod.metadata.uid ?? '').filter(({ name }) => name === container)
  const status = statusOf(pod, container)
  const named = `container "${container}" in pod "${pod.metadata.name}"`
  if (previous) {
    const id = status?.lastState?.terminated?.containerID
    const run = runs.find((one) => id?.endsWith(`/${one.id}`)) ?? runs.at(-2)
    return run ?? httpFailure(400, `previous terminated ${named} not found`)
  }
  const run = runs.findLast(({ state }) => state.kind !== 'starting')
  return run ?? httpFailure(400, `${named} is waiting to start: ${whyWaiting(status?.state?.waiting?.reason)}`)
}

/** The running container that a command may be executed in. */
export function findRunning(node: NodePods, pod: Pod, container: string): ContainerRecord | HttpFailure {
  const runs = node.runtime.containers(pod.metadata.uid ?? '').filter(({ name }) => name === container)
  const run = runs.findLast(({ state }) => state.kind === 'running')
  return run ?? httpFailure(404, `container not found ("${container}")`)
}

function containerNames(pod: Pod): string[] {
  return allContainers(pod.spec).map(({ name }) => name)
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  return allContainerStatuses(pod).find(({ name }) => name === container)
}

/** Upstream's words. */
function whyWaiting(reason = 'ContainerCreating'): string {
  if (reason === 'ErrImagePull') return "image can't be pulled"
  return reason === 'ImagePullBackOff' ? 'trying and failing to pull image' : reason
}
