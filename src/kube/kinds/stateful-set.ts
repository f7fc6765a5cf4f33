import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { statefulSets } from '../resource.ts'
import type { StatefulSet } from '../types/apps.ts'
import { forbidden, invalid } from '../validation/field-error.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { intOrPercentValue, notMoreThanAll, validateIntOrPercent } from './int-or-percent.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { ageColumn, templateColumns } from './printing.ts'
import { notNegative, validateWorkload } from './workload.ts'

const UPDATE_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

/** apps/v1 StatefulSet. */
export const statefulSetKind: KindDefinition<StatefulSet> = {
  resource: statefulSets,
  listKind: 'StatefulSetList',
  singular: 'statefulset',
  shortNames: ['sts'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  default: defaultStatefulSet,
  prepare(draft, old) {
    if (old === undefined) draft.status = { replicas: 0 }
  },
  validate: ({ spec }, old) => [
    ...validateManagement(spec?.podManagementPolicy),
    ...validateUpdates(spec?.updateStrategy),
    ...notNegative('spec.ordinals.start', spec?.ordinals?.start),
    ...validateWorkload(withClaims(spec), undefined, 'statefulset'),
    ...validateFrozen(spec, old?.spec),
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
    ageColumn,
    ...templateColumns<StatefulSet>(({ spec }) => spec.template),
  ],
  mergeLists: workloadMergeLists,
}

function defaultStatefulSet(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  setDefault(spec, 'replicas', 1)
  setDefault(spec, 'podManagementPolicy', 'OrderedReady')
  setDefault(spec, 'revisionHistoryLimit', 10)
  const strategy = ensureObject(spec, 'updateStrategy')
  setDefault(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') setDefault(ensureObject(strategy, 'rollingUpdate'), 'partition', 0)
  const retention = ensureObject(spec, 'persistentVolumeClaimRetentionPolicy')
  setDefault(retention, 'whenDeleted', 'Retain')
  setDefault(retention, 'whenScaled', 'Retain')
  defaultPodTemplate(spec)
}

function validateManagement(policy: string | undefined): readonly FieldError[] {
  if (policy === undefined || policy === 'OrderedReady' || policy === 'Parallel') return []
  return [invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")]
}

function validateUpdates({ type = 'RollingUpdate', rollingUpdate }: UpdateStrategy = {}): readonly FieldError[] {
  const path = 'spec.updateStrategy'
  const { partition = 0, maxUnavailable } = rollingUpdate ?? {}
  const shown = rollingUpdate === undefined ? null : { Partition: partition, MaxUnavailable: maxUnavailable ?? null }
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    return [invalid(path, { Type: type, RollingUpdate: shown }, "must be 'RollingUpdate' or 'OnDelete'")]
  }
  if (rollingUpdate === undefined) return []
  if (type === 'OnDelete') {
    return [invalid(`${path}.rollingUpdate`, shown, "only allowed for updateStrategy 'RollingUpdate'")]
  }
  const field = `${path}.rollingUpdate.maxUnavailable`
  const none = maxUnavailable !== undefined && intOrPercentValue(maxUnavailable) === 0
  return [
    ...notNegative(`${path}.rollingUpdate.partition`, partition),
    ...validateIntOrPercent(field, maxUnavailable),
    ...(none ? [invalid(field, maxUnavailable, 'cannot be 0')] : []),
    ...notMoreThanAll(field, maxUnavailable),
  ]
}

type UpdateStrategy = NonNullable<StatefulSet['spec']['updateStrategy']>

const FROZEN = ['serviceName', 'podManagementPolicy', 'selector', 'volumeClaimTemplates'] as const

function validateFrozen(spec: StatefulSet['spec'], old: StatefulSet['spec'] | undefined): readonly FieldError[] {
  if (old === undefined) return []
  const now = spec as unknown as Draft
  const before = old as unknown as Draft
  const changed = FROZEN.some((field) => JSON.stringify(now[field]) !== JSON.stringify(before[field]))
  return changed ? [forbidden('spec', UPDATE_TEXT)] : []
}

/** Pods have a volume for each claim that is made for them, in place of one of that name. */
function withClaims(spec: StatefulSet['spec'] | undefined): StatefulSet['spec'] | undefined {
  const { volumeClaimTemplates = [] } = (spec ?? {}) as {
    readonly volumeClaimTemplates?: readonly { readonly metadata?: { readonly name?: string } }[]
  }
  if (spec?.template?.spec === undefined || volumeClaimTemplates.length === 0) return spec
  const names = volumeClaimTemplates.flatMap(({ metadata }) => metadata?.name ?? [])
  const given = (spec.template.spec.volumes ?? []).filter(({ name }) => !names.includes(name))
  const volumes = [...given, ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))]
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, volumes } } }
}
