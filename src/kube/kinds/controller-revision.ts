import type { KindDefinition } from '../kind.ts'
import { controllerRevisions } from '../resource.ts'
import type { ControllerRevision } from '../types/apps.ts'
import { invalid } from '../validation/field-error.ts'
import { ageColumn } from './printing.ts'
import { notNegative } from './workload.ts'

/** apps/v1 ControllerRevision: a template that a DaemonSet or StatefulSet had. */
export const controllerRevisionKind: KindDefinition<ControllerRevision> = {
  resource: controllerRevisions,
  listKind: 'ControllerRevisionList',
  singular: 'controllerrevision',
  validate(revision, old) {
    const errors = notNegative('revision', revision.revision)
    if (old === undefined || JSON.stringify(old.data) === JSON.stringify(revision.data)) return errors
    return [...errors, invalid('data', revision.data, 'field is immutable')]
  },
  columns: [
    {
      name: 'Controller',
      type: 'string',
      description: 'Controller of the object',
      cell: controllerCell,
    },
    {
      name: 'Revision',
      type: 'string',
      description: 'Revision indicates the revision of the state represented by Data.',
      cell: ({ revision }) => revision,
    },
    ageColumn,
  ],
}

function controllerCell({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  if (owner === undefined) return '<none>'
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : ''
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`
}
