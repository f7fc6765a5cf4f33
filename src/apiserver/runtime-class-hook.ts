import { isDeepStrictEqual } from 'node:util'
import { pods, runtimeClasses } from '../kube/resource.ts'
import type { Pod } from '../kube/types/core.ts'
import type { RuntimeClass } from '../kube/types/runtime-class.ts'
import type { Store } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { objectKey } from './object-key.ts'
import { forbidden } from './status-error.ts'
import type { WriteHook } from './write-hook.ts'

/**
 * Gives a new pod what its RuntimeClass says of it: what it takes beside its containers, and the nodes that have the
 * runtime (upstream's admission plug-in RuntimeClass). A pod that names no class that there is, is refused.
 */
export function podRuntimeClassHook(store: Pick<Store, 'get'>): WriteHook {
  return ({ operation, object }) => {
    const pod = object as unknown as Pod
    const draft = operation === 'create' ? { ...object, spec: withClass(store, pod) } : object
    return { kind: 'plan', draft, compares: [], operations: [] }
  }
}

function withClass(store: Pick<Store, 'get'>, pod: Pod): Pod['spec'] {
  const { spec, metadata } = pod
  const refuse = (why: string) => forbidden(pods, metadata.name, why)
  const name = spec.runtimeClassName
  if (!name) {
    if (spec.overhead === undefined) return spec
    throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
  }
  const entry = store.get(objectKey(runtimeClasses, undefined, name))
  if (entry === undefined) throw refuse(`pod rejected: RuntimeClass ${JSON.stringify(name)} not found`)
  const { overhead, scheduling } = decodedObject(entry) as unknown as RuntimeClass
  const fixed = overhead?.podFixed
  if (spec.overhead !== undefined && !isDeepStrictEqual(spec.overhead, fixed)) {
    throw refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
  }
  return scheduled(fixed === undefined ? spec : { ...spec, overhead: fixed }, scheduling, refuse)
}

function scheduled(
  spec: Pod['spec'],
  { nodeSelector = {}, tolerations = [] }: NonNullable<RuntimeClass['scheduling']> = {},
  refuse: (why: string) => Error,
): Pod['spec'] {
  const own = spec.nodeSelector ?? {}
  for (const [key, value] of Object.entries(nodeSelector)) {
    const asked = own[key]
    if (asked === undefined || asked === value) continue
    const [theirs, its] = [`runtimeClass.scheduling.nodeSelector[${key}]`, `pod.spec.nodeSelector[${key}]`]
    throw refuse(`conflict: ${theirs} = ${value}; ${its} = ${asked}`)
  }
  const known = spec.tolerations ?? []
  const more = tolerations.filter((each) => !known.some((one) => isDeepStrictEqual(one, each)))
  const selects = Object.keys(nodeSelector).length > 0
  return {
    ...spec,
    ...(selects ? { nodeSelector: { ...own, ...nodeSelector } } : {}),
    ...(more.length > 0 ? { tolerations: [...known, ...more] } : {}),
  }
}
