import type { FieldError, KindDefinition } from '../kind.ts'
import { podDisruptionBudgets } from '../resource.ts'
import type { PodDisruptionBudget } from '../types/policy.ts'
import { invalid, oneOf } from '../validation/field-error.ts'
import { validateLabelSelector } from '../validation/label-selector.ts'
import { notMoreThanAll, validateIntOrPercent } from './int-or-percent.ts'
import { ageColumn } from './printing.ts'
import { countColumn } from './workload.ts'

/** policy/v1 PodDisruptionBudget: what evictions must leave; a controller writes its status. */
export const podDisruptionBudgetKind: KindDefinition<PodDisruptionBudget> = {
  resource: podDisruptionBudgets,
  listKind: 'PodDisruptionBudgetList',
  singular: 'poddisruptionbudget',
  versionedPut: true,
  shortNames: ['pdb'],
  subresources: ['status'],
  prepare(draft, old) {
    if (old !== undefined) return
    draft.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }
  },
  validate: ({ spec, status }) => [...validateSpec(spec ?? {}), ...validateStatus(status)],
  columns: [
    {
      name: 'Min Available',
      type: 'string',
      description: 'The minimum number of pods that must be available.',
      cell: ({ spec }) => String(spec.minAvailable ?? 'N/A'),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'The maximum number of pods that may be unavailable.',
      cell: ({ spec }) => String(spec.maxUnavailable ?? 'N/A'),
    },
    countColumn('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed),
    ageColumn,
  ],
  mergeLists: { 'status.conditions': { keys: ['type'] } },
}

function validateSpec(spec: PodDisruptionBudget['spec']): readonly FieldError[] {
  const { minAvailable, maxUnavailable } = spec
  const both = minAvailable !== undefined && maxUnavailable !== undefined
  return [
    ...(both ? [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...validateAmount('spec.minAvailable', minAvailable),
    ...validateAmount('spec.maxUnavailable', maxUnavailable),
    ...validateLabelSelector(spec.selector ?? {}, 'spec.selector'),
    ...oneOf('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']),
  ]
}

function validateStatus(status: PodDisruptionBudget['status']): readonly FieldError[] {
  const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const
  return counts.flatMap((field) => {
    const value = status?.[field] ?? 0
    return value < 0 ? [invalid(`status.${field}`, value, 'must be greater than or equal to 0')] : []
  })
}

function validateAmount(field: string, value: number | string | undefined): readonly FieldError[] {
  return [...validateIntOrPercent(field, value), ...notMoreThanAll(field, value)]
}
