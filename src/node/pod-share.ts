import { dirname, join } from 'node:path'
import { parseQuantity, quantityValue } from '../kube/quantity.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import type { MemoryFiles } from '../linux/mount-namespace.ts'
import { isSidecar } from './container-restart.ts'
import type { PodShare } from './runtime/pod-holder.ts'
import { groupOf, type Volume } from './volumes/volume.ts'

export interface SharePlace {
  /** Where the pod's own volumes are, one directory each. */
  readonly directory: string
  /** The node's memory, as a quantity. */
  readonly memory: string
}

/** What must be kept for the containers of a pod as long as it is; `undefined` when it is nothing. */
export function podShare(pod: Pod, { directory, memory }: SharePlace): PodShare | undefined {
  const gid = groupOf(pod)
  const files = ((pod.spec.volumes ?? []) as readonly Volume[])
    .filter(isInMemory)
    .map(({ name, emptyDir }): MemoryFiles => {
      const bytes = memoryBytes(pod, emptyDir?.sizeLimit, memory)
      const target = join(directory, name)
      return gid === undefined ? { target, bytes, mode: 0o777 } : { target, bytes, mode: 0o2777, gid }
    })
  const processes = pod.spec.shareProcessNamespace === true && pod.spec.hostPID !== true
  const ipc = sharesIpc(pod) ? { shm: join(dirname(directory), 'shm') } : undefined
  if (files.length === 0 && !processes && ipc === undefined) return undefined
  if (ipc === undefined) return { memory: files, processes }
  return { memory: [...files, { target: ipc.shm, bytes: SHM_BYTES, mode: 0o1777 }], processes, ipc }
}

/** As container runtimes give to a pod. */
const SHM_BYTES = 64 << 20

/** A container alone has nobody to share with. */
function sharesIpc({ spec: { hostIPC, containers, initContainers = [] } }: Pod): boolean {
  return hostIPC !== true && containers.length + initContainers.length > 1
}

/** Whether a volume is a file system in memory. */
export function isInMemory({ emptyDir }: Volume): boolean {
  return emptyDir?.medium === 'Memory'
}

/** Upstream's size (kubelet, `calculateEmptyDirMemorySize`): the least of limit, memory of the pod, and of the node. */
function memoryBytes(pod: Pod, sizeLimit: string | undefined, memory: string): number {
  const limits = [podMemory(pod), sizeLimit === undefined ? undefined : bytesOf(sizeLimit)]
  return Math.min(bytesOf(memory), ...limits.flatMap((limit) => (limit === undefined || limit <= 0 ? [] : [limit])))
}

/** What all containers together may have; `undefined` when one of them has no limit. */
function podMemory(pod: Pod): number | undefined {
  const init = pod.spec.initContainers ?? []
  const beside = init.filter((container) => isSidecar(pod, container))
  const limits = [...pod.spec.containers, ...beside].map(memoryLimit)
  if (limits.includes(undefined)) return undefined
  const before = init.filter((container) => !isSidecar(pod, container)).map((container) => memoryLimit(container) ?? 0)
  const together = limits.reduce<number>((sum, limit) => sum + (limit ?? 0), 0)
  return Math.max(together, ...before)
}

function memoryLimit({ resources }: Container): number | undefined {
  const memory = resources?.limits?.memory
  return memory === undefined ? undefined : bytesOf(memory)
}

function bytesOf(quantity: string): number {
  return quantityValue(parseQuantity(quantity))
}
