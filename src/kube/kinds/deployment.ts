import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { deployments } from '../resource.ts'
import type { Deployment, DeploymentStrategy } from '../types/apps.ts'
import { forbidden, invalid, notSupported } from '../validation/field-error.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { intOrPercentValue, notMoreThanAll, validateIntOrPercent } from './int-or-percent.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { ageColumn, selectorColumn, templateColumns } from './printing.ts'
import { notNegative, validateWorkload } from './workload.ts'

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
  validate: ({ spec }, old) => [
    ...validateWorkload(spec, old?.spec),
    ...validateStrategy(spec?.strategy),
    ...notNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit),
    ...(spec === undefined ? [] : validateDeadline(spec)),
  ],
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

function validateStrategy(strategy: Deployment['spec']['strategy'] = {}): readonly FieldError[] {
  const path = 'spec.strategy'
  const { type = 'RollingUpdate', rollingUpdate } = strategy
  if (type !== 'Recreate' && type !== 'RollingUpdate') {
    const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {}
    const shown = rollingUpdate === undefined ? null : { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge }
    return [notSupported(path, { Type: type, RollingUpdate: shown }, ['Recreate', 'RollingUpdate'])]
  }
  if (rollingUpdate === undefined) return []
  const field = `${path}.rollingUpdate`
  return type === 'RollingUpdate'
    ? validateRolling(field, rollingUpdate)
    : [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")]
}

function validateRolling(
  path: string,
  { maxSurge = 0, maxUnavailable = 0 }: NonNullable<DeploymentStrategy['rollingUpdate']>,
): readonly FieldError[] {
  const field = `${path}.maxUnavailable`
  const stuck = intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0
  return [
    ...validateIntOrPercent(field, maxUnavailable),
    ...validateIntOrPercent(`${path}.maxSurge`, maxSurge),
    ...(stuck ? [invalid(field, maxUnavailable, 'may not be 0 when `maxSurge` is 0')] : []),
    ...notMoreThanAll(field, maxUnavailable),
  ]
}

function validateDeadline({ progressDeadlineSeconds, minReadySeconds = 0 }: Deployment['spec']): readonly FieldError[] {
  const field = 'spec.progressDeadlineSeconds'
  if (progressDeadlineSeconds === undefined) return []
  const late = progressDeadlineSeconds > minReadySeconds
  return [
    ...notNegative(field, progressDeadlineSeconds),
    ...(late ? [] : [invalid(field, progressDeadlineSeconds, 'must be greater than minReadySeconds')]),
  ]
}
