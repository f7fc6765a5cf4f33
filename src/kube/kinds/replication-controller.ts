import type { FieldError, KindDefinition } from '../kind.ts'
import { replicationControllers } from '../resource.ts'
import type { ReplicationController } from '../types/replication.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field-error.ts'
import { objectIn, setDefault } from './draft.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { validatePodTemplate } from './pod-validation.ts'
import { ageColumn, labelsCell, templateColumns } from './printing.ts'
import { countColumn, notNegative } from './workload.ts'

/** v1 ReplicationController: what ReplicaSets were before they had selectors with expressions. */
export const replicationControllerKind: KindDefinition<ReplicationController> = {
  resource: replicationControllers,
  listKind: 'ReplicationControllerList',
  singular: 'replicationcontroller',
  shortNames: ['rc'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  default(draft) {
    const spec = objectIn(draft, 'spec')
    if (spec === undefined) return
    const labels = objectIn(objectIn(objectIn(spec, 'template') ?? {}, 'metadata') ?? {}, 'labels')
    if (labels !== undefined) {
      if (Object.keys(objectIn(spec, 'selector') ?? {}).length === 0) spec.selector = { ...labels }
      const metadata = objectIn(draft, 'metadata')
      if (metadata !== undefined) setDefault(metadata, 'labels', { ...labels })
    }
    setDefault(spec, 'replicas', 1)
    defaultPodTemplate(spec)
  },
  prepare(draft, old) {
    if (old === undefined) draft.status = { replicas: 0 }
  },
  validate: ({ spec }) => validateSpec(spec),
  scale: ({ spec, status }) => ({
    replicas: spec.replicas ?? 0,
    statusReplicas: status?.replicas ?? 0,
    selector: { matchLabels: spec.selector ?? {} },
  }),
  selectableFields: {
    'status.replicas': ({ status }) => String(status?.replicas ?? 0),
  },
  columns: [
    countColumn('Desired', ({ spec }) => spec.replicas),
    countColumn('Current', ({ status }) => status?.replicas),
    countColumn('Ready', ({ status }) => status?.readyReplicas),
    ageColumn,
    ...templateColumns<ReplicationController>(({ spec }) => spec.template),
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Label selector for pods.',
      cell: ({ spec }) => labelsCell(spec.selector),
    },
  ],
  mergeLists: workloadMergeLists,
}

function validateSpec(spec: ReplicationController['spec'] | undefined): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  const selector = Object.entries(spec.selector ?? {})
  return [
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...(selector.length === 0 ? [required('spec.selector')] : []),
    ...notNegative('spec.replicas', spec.replicas),
    ...validateTemplate(spec.template, selector),
  ]
}

function validateTemplate(
  template: ReplicationController['spec']['template'],
  selector: readonly (readonly [string, string])[],
): readonly FieldError[] {
  if (template === undefined) return [required('spec.template')]
  const labels = template.metadata?.labels ?? {}
  const path = 'spec.template'
  const matches = selector.every(([key, value]) => labels[key] === value)
  const policy = template.spec?.restartPolicy ?? 'Always'
  return [
    ...(matches ? [] : [invalid(`${path}.metadata.labels`, labels, '`selector` does not match template `labels`')]),
    ...validatePodTemplate(template, path),
    ...(policy === 'Always' ? [] : [notSupported(`${path}.spec.restartPolicy`, policy, ['Always'])]),
    ...(template.spec?.activeDeadlineSeconds === undefined
      ? []
      : [
          forbidden(
            `${path}.spec.activeDeadlineSeconds`,
            'activeDeadlineSeconds in ReplicationController is not Supported',
          ),
        ]),
  ]
}
