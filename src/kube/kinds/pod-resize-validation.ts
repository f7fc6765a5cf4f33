import type { Draft, FieldError } from '../kind.ts'
import { jsonEqual } from '../patch/json.ts'
import type { Container, Pod, ResourceRequirements } from '../types/core.ts'
import { forbidden, invalid } from '../validation/field-error.ts'
import { objectsIn } from './draft.ts'
import { qosClass } from './qos-class.ts'

const LISTS = ['containers', 'initContainers'] as const
const MIRROR = 'kubernetes.io/config.mirror'
const RESIZABLE = ['cpu', 'memory']

/**
 * The spec of a pod with what a resize says of it: `resources` and `resizePolicy` of its containers (upstream
 * `dropNonResizeUpdates`). `undefined` when its containers are not the same ones, which is for the rules to refuse.
 */
export function resizedSpec(present: Draft, changed: Draft): Draft | undefined {
  const spec = { ...present }
  for (const list of LISTS) {
    const before = objectsIn(present, list)
    const now = objectsIn(changed, list)
    if (before.length !== now.length || before.some(({ name }, index) => name !== now[index]?.name)) return undefined
    if (before.length > 0) spec[list] = before.map((container, index) => withResize(container, now[index] ?? {}))
  }
  return spec
}

function withResize(container: Draft, { resources, resizePolicy }: Draft): Draft {
  const { resources: _, resizePolicy: __, ...rest } = container
  return {
    ...rest,
    ...(resources === undefined ? {} : { resources }),
    ...(resizePolicy === undefined ? {} : { resizePolicy }),
  }
}

/** Rules of a change through `resize` (upstream `ValidatePodResize`). @param errors What is wrong with the spec itself. */
export function validatePodResize(pod: Pod, old: Pod, errors: readonly FieldError[]): readonly FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbidden('', 'static pods cannot be resized')]
  const found = [...errors, ...qosErrors(pod, old), ...supportErrors(old)]
  for (const list of LISTS) {
    const before = old.spec[list] ?? []
    const now = pod.spec[list] ?? []
    if (before.some(({ name }, index) => now[index]?.name !== name) || now.length !== before.length) {
      return [...found, forbidden('spec', 'only cpu and memory resources are mutable')]
    }
    found.push(...now.flatMap((container, at) => containerErrors(container, before[at] ?? container, { list, at })))
  }
  return found
}

function qosErrors(pod: Pod, old: Pod): readonly FieldError[] {
  const now = qosClass(pod as unknown as Draft)
  if (now === (old.status?.qosClass ?? qosClass(old as unknown as Draft))) return []
  return [invalid('spec', old.status?.qosClass, 'Pod QOS Class may not change as a result of resizing')]
}

/** A kubelet that cannot resize says nothing of what its containers have. */
function supportErrors({ status }: Pod): readonly FieldError[] {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined)
  if (running === undefined || running.resources !== undefined) return []
  return [forbidden('spec', 'Pod running on node without support for resize')]
}

interface Place {
  readonly list: (typeof LISTS)[number]
  readonly at: number
}

function containerErrors(container: Container, old: Container, { list, at }: Place): readonly FieldError[] {
  const path = `spec.${list}[${at}].resources`
  const sidecar = old.restartPolicy === 'Always'
  if (list === 'initContainers' && !sidecar) {
    if (jsonEqual(container, old)) return []
    return [forbidden('spec', 'resources for non-sidecar init containers are immutable')]
  }
  const [now, before] = [container.resources ?? {}, old.resources ?? {}]
  const of = list === 'containers' ? '' : ' for sidecar containers'
  return [
    ...removalErrors(now, before, path),
    ...(jsonEqual(fixedPart(now), fixedPart(before))
      ? []
      : [forbidden('spec', `only cpu and memory resources${of} are mutable`)]),
  ]
}

function removalErrors(now: ResourceRequirements, before: ResourceRequirements, path: string): readonly FieldError[] {
  return (['requests', 'limits'] as const).flatMap((kind) => {
    const lost = Object.keys(before[kind] ?? {}).some((name) => now[kind]?.[name] === undefined)
    return lost ? [forbidden(`${path}.${kind}`, `resource ${kind} cannot be removed`)] : []
  })
}

/** What is neither cpu nor memory. */
function fixedPart({ limits = {}, requests = {} }: ResourceRequirements): object {
  const fixed = (amounts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !RESIZABLE.includes(name)))
  return { limits: fixed(limits), requests: fixed(requests) }
}
