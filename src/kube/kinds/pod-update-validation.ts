import { isDeepStrictEqual } from 'node:util'
import type { FieldError } from '../kind.ts'
import { jsonEqual } from '../patch/json.ts'
import type { Container, PodSpec, Toleration } from '../types/core.ts'
import type { NodeSelectorTerm } from '../types/scheduling.ts'
import { forbidden, invalid } from '../validation/field-error.ts'

const CHANGEABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
]
const MAX_INT32 = 2 ** 31 - 1
const TERMS = 'requiredDuringSchedulingIgnoredDuringExecution'

/** What an update of a pod may change of its spec: upstream `ValidatePodUpdate`; `nodeName` is set by binding. */
export function validatePodChange(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list] ?? []).length === (old[list] ?? []).length) continue
    return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')]
  }
  const deadline = deadlineErrors(spec.activeDeadlineSeconds, old.activeDeadlineSeconds)
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return deadline
  return [
    ...deadline,
    ...tolerationErrors(spec.tolerations ?? [], old.tolerations ?? []),
    ...gateErrors(spec, old),
    ...(isGated(old) ? directiveErrors(spec, old) : []),
    ...frozenErrors(spec, old),
  ]
}

function deadlineErrors(now: number | undefined, before: number | undefined): readonly FieldError[] {
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    return before === undefined ? [] : [invalid(field, null, 'must not update from a positive integer to nil value')]
  }
  if (now < 0 || now > MAX_INT32) return [invalid(field, now, `must be between 0 and ${MAX_INT32}, inclusive`)]
  return before !== undefined && before < now
    ? [invalid(field, now, 'must be less than or equal to previous value')]
    : []
}

function tolerationErrors(now: readonly Toleration[], before: readonly Toleration[]): readonly FieldError[] {
  const lasting = ({ tolerationSeconds: _, ...toleration }: Toleration) => toleration
  const kept = before.every((old) => now.some((each) => isDeepStrictEqual(lasting(each), lasting(old))))
  if (kept) return []
  return [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')]
}

function gateErrors({ schedulingGates: now = [] }: PodSpec, old: PodSpec): readonly FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name))
  return now.flatMap(({ name }, index) =>
    before.has(name)
      ? []
      : [
          forbidden(
            `spec.schedulingGates[${index}].name`,
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  )
}

function isGated({ schedulingGates = [] }: PodSpec): boolean {
  return schedulingGates.length > 0
}

/** A pod that may not be given a node yet can be tied to fewer nodes, not to more (KEP-3838). */
function directiveErrors(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  const { nodeSelector = {} } = spec
  const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => nodeSelector[key] === value)
  const text = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
  return [...(kept ? [] : [invalid('spec.nodeSelector', nodeSelector, text)]), ...affinityErrors(spec, old)]
}

function affinityErrors(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  const before = requiredTerms(old) ?? []
  const now = requiredTerms(spec)
  if (requiredTerms(old) === undefined) return []
  const field = `spec.affinity.nodeAffinity.${TERMS}.nodeSelectorTerms`
  if (before.length > 0 && before.length !== (now ?? []).length) {
    return [invalid(field, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')]
  }
  return before.flatMap((term, index) => {
    const next = now?.[index]
    if (next !== undefined && addsOnly(next, term)) return []
    return [invalid(`${field}[${index}]`, next, 'only additions are allowed (no mutations or deletions)')]
  })
}

function requiredTerms({ affinity }: PodSpec): readonly NodeSelectorTerm[] | undefined {
  return affinity?.nodeAffinity?.[TERMS]?.nodeSelectorTerms
}

function addsOnly(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const
  const matchedNothing = lists.every((list) => (old[list] ?? []).length === 0)
  if (matchedNothing && lists.some((list) => (term[list] ?? []).length > 0)) return false
  return lists.every((list) => {
    const before = old[list] ?? []
    return jsonEqual((term[list] ?? []).slice(0, before.length), before)
  })
}

function frozenErrors(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  const now = frozen(spec, old)
  const before = frozen(old, old)
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  const changed = names.filter((name) => !isDeepStrictEqual(now[name], before[name]))
  if (changed.length === 0) return []
  // Upstream shows the difference of two Go values here; which fields they are is what one wants to know.
  const difference = changed.flatMap((name) => [line('-', name, before[name]), line('+', name, now[name])])
  const text = `pod updates may not change fields other than ${CHANGEABLE.join(',')}`
  return [forbidden('spec', `${text}\n${difference.join('')}`)]
}

function line(sign: string, name: string, value: unknown): string {
  return value === undefined ? '' : `${sign}spec.${name}: ${JSON.stringify(value)}\n`
}

/** What must stay as it is, in one form however it was written. */
function frozen(spec: PodSpec, old: PodSpec): Readonly<Record<string, unknown>> {
  const { activeDeadlineSeconds: _, tolerations: __, schedulingGates: ___, affinity, nodeSelector, ...rest } = spec
  const { nodeAffinity, ...others } = affinity ?? {}
  const grace = spec.terminationGracePeriodSeconds
  const excused = grace === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0
  const directives = isGated(old) ? { affinity: others } : { nodeSelector, affinity: { ...others, nodeAffinity } }
  const all = {
    ...rest,
    ...directives,
    terminationGracePeriodSeconds: excused ? old.terminationGracePeriodSeconds : grace,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  }
  return plain(all) as Readonly<Record<string, unknown>>
}

function withoutImages(containers: readonly Container[] = []): readonly object[] {
  return containers.map(({ image: _, ...container }) => container)
}

/** Without fields that say nothing: `null`, `undefined`, empty lists and objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(plain)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const kept = plain(field)
    return kept === undefined ? [] : [[name, kept] as const]
  })
  return fields.length === 0 ? undefined : Object.fromEntries(fields)
}
