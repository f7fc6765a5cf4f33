import type { Column, FieldError } from '../kind.ts'
import type { PodTemplateSpec } from '../types/core.ts'
import type { KubeObject, LabelSelector } from '../types/meta.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field-error.ts'
import { validatePodTemplate } from './pod-validation.ts'
import { type Selecting, validateSelection } from './workload-selector.ts'

/** What Deployments, ReplicaSets and StatefulSets have in common. */
export interface WorkloadSpec {
  readonly replicas?: number
  readonly minReadySeconds?: number
  readonly selector?: LabelSelector
  readonly template?: PodTemplateSpec
}

/**
 * Rules of the selector and the template; `old` on update, when the selector may not change. Upstream's text of an empty
 * selector names the kind, and a ReplicaSet a deployment.
 */
export function validateWorkload(
  spec: WorkloadSpec | undefined,
  old: WorkloadSpec | undefined,
  of: Selecting = 'deployment',
): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...notNegative('spec.replicas', spec.replicas),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateSelection(spec.selector, spec.template?.metadata?.labels, of),
    ...validateTemplate(spec, of),
    ...validateUnchanged(spec.selector, old),
  ]
}

/** A column with a number of pods. */
export function countColumn<T extends KubeObject>(name: string, count: (object: T) => number | undefined): Column<T> {
  return { name, type: 'integer', description: `${name} number of pods.`, cell: (object) => count(object) ?? 0 }
}

/** An error for a number below zero. */
export function notNegative(field: string, value: number | undefined): readonly FieldError[] {
  if (value === undefined || value >= 0) return []
  return [invalid(field, value, 'must be greater than or equal to 0')]
}

function validateUnchanged(selector: LabelSelector | undefined, old: WorkloadSpec | undefined): readonly FieldError[] {
  if (old === undefined || JSON.stringify(old.selector) === JSON.stringify(selector)) return []
  return [invalid('spec.selector', selector, 'field is immutable')]
}

/** What ends by itself is no workload of theirs. */
const DEADLINE_OF = { deployment: 'ReplicaSet', daemonset: 'DaemonSet', statefulset: 'StatefulSet' } as const

function validateTemplate({ template }: WorkloadSpec, of: keyof typeof DEADLINE_OF): readonly FieldError[] {
  const { restartPolicy: policy = 'Always', activeDeadlineSeconds: deadline } = template?.spec ?? {}
  const path = 'spec.template.spec'
  return [
    ...validatePodTemplate(template, 'spec.template'),
    ...(policy === 'Always' ? [] : [notSupported(`${path}.restartPolicy`, policy, ['Always'])]),
    ...(deadline === undefined
      ? []
      : [forbidden(`${path}.activeDeadlineSeconds`, `activeDeadlineSeconds in ${DEADLINE_OF[of]} is not Supported`)]),
  ]
}
