import type { Column, FieldError } from '../kind.ts'
import { labelSelectorFrom, matchesLabels } from '../selector.ts'
import type { PodTemplateSpec } from '../types/core.ts'
import type { KubeObject, LabelSelector } from '../types/meta.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { validateRequirements } from '../validation/label-selector.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { validatePodSpec } from './pod-validation.ts'

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
  of: 'deployment' | 'daemonset' | 'statefulset' = 'deployment',
): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...notNegative('spec.replicas', spec.replicas),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateSelector(spec, old, of),
    ...validateTemplate(spec),
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

function validateSelector(
  { selector, template }: WorkloadSpec,
  old: WorkloadSpec | undefined,
  of: string,
): readonly FieldError[] {
  const path = 'spec.selector'
  if (selector === undefined) return [required(path)]
  const unreadable = validateRequirements(selector, path)
  const errors: FieldError[] = [...validateLabels(selector.matchLabels, `${path}.matchLabels`), ...unreadable]
  if (unreadable.length > 0) return errors
  if (isEmpty(selector)) errors.push(invalid(path, selector, `empty selector is invalid for ${of}`))
  else if (template !== undefined && !matchesLabels(labelSelectorFrom(selector), template.metadata?.labels ?? {})) {
    errors.push(
      invalid(
        'spec.template.metadata.labels',
        template.metadata?.labels ?? {},
        '`selector` does not match template `labels`',
      ),
    )
  }
  if (old !== undefined && JSON.stringify(old.selector) !== JSON.stringify(selector)) {
    errors.push(invalid(path, selector, 'field is immutable'))
  }
  return errors
}

function isEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
}

function validateTemplate({ template }: WorkloadSpec): readonly FieldError[] {
  if (template === undefined) return [required('spec.template')]
  const policy = template.spec?.restartPolicy
  const always = policy === undefined || policy === 'Always'
  return [
    ...validateLabels(template.metadata?.labels, 'spec.template.metadata.labels'),
    ...validatePodSpec(template.spec, 'spec.template.spec'),
    ...(always ? [] : [notSupported('spec.template.spec.restartPolicy', policy, ['Always'])]),
  ]
}
