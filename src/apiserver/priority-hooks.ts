import { pods, priorityClasses } from '../kube/resource.ts'
import type { Pod } from '../kube/types/core.ts'
import type { PriorityClass } from '../kube/types/policy.ts'
import type { Store } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { objectKey, objectPrefix } from './object-key.ts'
import { forbidden } from './status-error.ts'
import type { WriteHook } from './write-hook.ts'

type Reader = Pick<Store, 'get' | 'list'>

/**
 * Gives a new pod the priority of its class, of the default one when it names none, or 0 (upstream's admission plug-in
 * Priority). A pod that says another number than its class is refused.
 */
export function podPriorityHook(store: Reader): WriteHook {
  return ({ operation, object }) => {
    const pod = object as unknown as Pod
    const draft = operation === 'create' ? { ...object, spec: withPriority(store, pod) } : object
    return { kind: 'plan', draft, compares: [], operations: [] }
  }
}

/** There is one default at most. */
export function priorityClassHook(store: Reader): WriteHook {
  return ({ operation, object }) => {
    const { metadata, globalDefault } = object as unknown as PriorityClass
    const present = operation !== 'delete' && globalDefault === true ? defaultClass(store) : undefined
    if (present !== undefined && present.metadata.name !== metadata.name) {
      const why = `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`
      return { kind: 'failed', error: forbidden(priorityClasses, metadata.name, why) }
    }
    return { kind: 'plan', draft: object, compares: [], operations: [] }
  }
}

function withPriority(store: Reader, { metadata, spec }: Pod): Pod['spec'] {
  const found = spec.priorityClassName ? classNamed(store, metadata.name, spec.priorityClassName) : defaultClass(store)
  const { value = 0, preemptionPolicy = 'PreemptLowerPriority' } = found ?? {}
  const must = `must not be provided in pod spec; priority admission controller computed`
  if (spec.priority !== undefined && spec.priority !== value) {
    const text = `the integer value of priority (${spec.priority}) ${must} ${value} from the given PriorityClass name`
    throw forbidden(pods, metadata.name, text)
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const text = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) ${must} ${preemptionPolicy} from the given PriorityClass name`
    throw forbidden(pods, metadata.name, text)
  }
  const named = found === undefined ? {} : { priorityClassName: found.metadata.name }
  return { ...spec, ...named, priority: value, preemptionPolicy }
}

/** @throws StatusError Forbidden. */
function classNamed(store: Reader, pod: string, name: string): PriorityClass {
  const entry = store.get(objectKey(priorityClasses, undefined, name))
  if (entry === undefined) throw forbidden(pods, pod, `no PriorityClass with name ${name} was found`)
  return decodedObject(entry) as unknown as PriorityClass
}

/** Of several, which only a race can make, the least: as upstream. */
function defaultClass(store: Reader): PriorityClass | undefined {
  return store
    .list(objectPrefix(priorityClasses))
    .entries.map((entry) => decodedObject(entry) as unknown as PriorityClass)
    .filter(({ globalDefault }) => globalDefault === true)
    .reduce<PriorityClass | undefined>((least, each) => (least && least.value <= each.value ? least : each), undefined)
}
