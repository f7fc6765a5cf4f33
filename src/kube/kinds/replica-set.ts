import type { KindDefinition } from '../kind.ts'
import { replicaSets } from '../resource.ts'
import type { ReplicaSet } from '../types/apps.ts'
import { objectIn, setDefault } from './draft.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { ageColumn, selectorColumn, templateColumns } from './printing.ts'
import { validateWorkload } from './workload.ts'

/** apps/v1 ReplicaSet. */
export const replicaSetKind: KindDefinition<ReplicaSet> = {
  resource: replicaSets,
  listKind: 'ReplicaSetList',
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  default(draft) {
    const spec = objectIn(draft, 'spec')
    if (spec === undefined) return
    setDefault(spec, 'replicas', 1)
    defaultPodTemplate(spec)
  },
  prepare(draft, old) {
    if (old === undefined) draft.status = { replicas: 0 }
  },
  validate: ({ spec }, old) => validateWorkload(spec, old?.spec),
  scale: ({ spec, status }) => ({
    replicas: spec.replicas ?? 0,
    statusReplicas: status?.replicas ?? 0,
    selector: spec.selector,
  }),
  selectableFields: {
    'status.replicas': ({ status }) => String(status?.replicas ?? 0),
  },
  columns: [
    {
      name: 'Desired',
      type: 'integer',
      description: 'Number of desired pods.',
      cell: ({ spec }) => spec.replicas ?? 0,
    },
    {
      name: 'Current',
      type: 'integer',
      description: 'Most recently observed number of pods.',
      cell: ({ status }) => status?.replicas ?? 0,
    },
    {
      name: 'Ready',
      type: 'integer',
      description: 'Number of ready pods.',
      cell: ({ status }) => status?.readyReplicas ?? 0,
    },
    ageColumn,
    ...templateColumns<ReplicaSet>(({ spec }) => spec.template),
    selectorColumn<ReplicaSet>(({ spec }) => spec.selector),
  ],
  mergeLists: workloadMergeLists,
}
