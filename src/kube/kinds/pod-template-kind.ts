import type { KindDefinition } from '../kind.ts'
import { podTemplates } from '../resource.ts'
import type { PodTemplate } from '../types/replication.ts'
import { defaultPodTemplate, podSpecMergeLists } from './pod-template.ts'
import { validatePodTemplate } from './pod-validation.ts'
import { labelsCell, templateColumns } from './printing.ts'

/** v1 PodTemplate. */
export const podTemplateKind: KindDefinition<PodTemplate> = {
  resource: podTemplates,
  listKind: 'PodTemplateList',
  singular: 'podtemplate',
  createdByPut: true,
  default: defaultPodTemplate,
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  columns: [
    ...templateColumns<PodTemplate>(({ template }) => template).map((column) => ({ ...column, priority: 0 as const })),
    {
      name: 'Pod Labels',
      type: 'string',
      description: 'The labels for the pod template',
      cell: ({ template }) => labelsCell(template.metadata?.labels),
    },
  ],
  mergeLists: podSpecMergeLists('template.spec'),
}
