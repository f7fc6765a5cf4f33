import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { deployments } from '../resource.ts'
import type { Deployment } from '../types/apps.ts'
import { forbidden, invalid, oneOf } from '../validation/field-error.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { ageColumn, selectorColumn, templateColumns } from './printing.ts'
import { validateWorkload } from './workload.ts'

/** apps/v1 Deployment. */
export const deploymentKind: KindDefinition<Deployment> = {
  resource: deployments,
  listKind: 'DeploymentList',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  statusKeeps: 'labels',
  default: defaultDeployment,
  prepare(draft, old) {
    if (old === undefined) draft.status = {}
  },
  validate: ({ spec }, old) => [...validateWorkload(spec, old?.spec), ...validateStrategy(spec?.strategy)],
  scale: ({ spec, status }) => ({
    replicas: spec.replicas ?? 0,
    statusReplicas: status?.replicas ?? 0,
    selector: spec.selector,
  }),
  columns: [
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'string',
      description:
        'Total number of non-terminated pods targeted by this deployment that have the desired template spec.',
      cell: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'string',
      description: 'Total number of available pods (ready for at least minReadySeconds) targeted by this deployment.',
      cell: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...templateColumns<Deployment>(({ spec }) => spec.template),
    selectorColumn<Deployment>(({ spec }) => spec.selector),
  ],
  mergeLists: workloadMergeLists,
}

function defaultDeployment(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  setDefault(spec, 'replicas', 1)
  setDefault(spec, 'revisionHistoryLimit', 10)
  setDefault(spec, 'progressDeadlineSeconds', 600)
  const strategy = ensureObject(spec, 'strategy')
  setDefault(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensureObject(strategy, 'rollingUpdate')
    setDefault(rolling, 'maxSurge', '25%')
    setDefault(rolling, 'maxUnavailable', '25%')
  }
  defaultPodTemplate(spec)
}

function validateStrategy(strategy: Deployment['spec']['strategy']): readonly FieldError[] {
  const path = 'spec.strategy'
  const errors: FieldError[] = oneOf(`${path}.type`, strategy?.type, ['Recreate', 'RollingUpdate'])
  const rolling = strategy?.rollingUpdate
  if (rolling === undefined) return errors
  if (strategy?.type === 'Recreate') {
    return [...errors, forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
  }
  for (const field of ['maxSurge', 'maxUnavailable'] as const) {
    const value = rolling[field]
    const good = typeof value === 'number' ? value >= 0 : value === undefined || /^\d+%$/.test(value)
    if (!good)
      errors.push(
        invalid(`${path}.rollingUpdate.${field}`, value, 'must be a non-negative number or a percentage such as 25%'),
      )
  }
  const isZero = (value: number | string | undefined) => value === 0 || value === '0%'
  if (isZero(rolling.maxSurge) && isZero(rolling.maxUnavailable)) {
    errors.push(
      invalid(`${path}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
    )
  }
  return errors
}
