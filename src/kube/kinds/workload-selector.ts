import type { FieldError } from '../kind.ts'
import { labelSelectorFrom, matchesLabels } from '../selector.ts'
import type { LabelSelector } from '../types/meta.ts'
import { invalid, required } from '../validation/field-error.ts'
import { validateLabelSelector } from '../validation/label-selector.ts'

/** Labels as Go prints a map: by key; `null` where there is none. */
export function shownLabels(labels: Readonly<Record<string, string>> | undefined): unknown {
  if (labels === undefined) return null
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : Number(a > b))))
}

/** A selector as Go prints it. */
export function shownSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): object {
  return {
    ...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels: shownLabels(matchLabels) }),
    ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
  }
}

/** Who selects pods; upstream's words differ. A ReplicaSet speaks as a deployment. */
export type Selecting = 'deployment' | 'daemonset' | 'statefulset'

/** The selector of a workload, and whether the labels of its template fit it. */
export function validateSelection(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
  of: Selecting,
): readonly FieldError[] {
  const path = 'spec.selector'
  // Nothing is selected by no selector.
  if (selector === undefined) return [...(of === 'daemonset' ? [] : [required(path)]), mismatch(labels)]
  const unreadable = validateLabelSelector(selector, path)
  if (unreadable.length > 0) {
    const text = of === 'statefulset' ? '' : 'invalid label selector'
    return [...unreadable, ...(of === 'daemonset' ? [] : [invalid(path, shownSelector(selector), text)])]
  }
  if (Object.keys(shownSelector(selector)).length === 0)
    return [invalid(path, {}, `empty selector is invalid for ${of}`)]
  return validateLabelsSelected(selector, labels)
}

/** Whether the pods of a template are selected. */
export function validateLabelsSelected(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): readonly FieldError[] {
  if (selector !== undefined && matchesLabels(labelSelectorFrom(selector), labels ?? {})) return []
  return [mismatch(labels)]
}

function mismatch(labels: Readonly<Record<string, string>> | undefined): FieldError {
  return invalid('spec.template.metadata.labels', shownLabels(labels), '`selector` does not match template `labels`')
}
