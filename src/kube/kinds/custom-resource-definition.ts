import { loadCel } from '../cel/engine.ts'
import { setCondition } from '../conditions.ts'
import { validateDefinition, validateDefinitionUpdate } from '../custom-resources/definition-rules.ts'
import type { Draft, KindDefinition } from '../kind.ts'
import { customResourceDefinitions } from '../resource.ts'
import type { CustomResourceDefinition } from '../types/custom-resource-definition.ts'
import type { Condition } from '../types/meta.ts'
import { objectIn, objectsIn, setDefault } from './draft.ts'

/** Finalizer of a definition whose objects have to be deleted first. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io'

/** apiextensions.k8s.io/v1 CustomResourceDefinition: a kind that users bring. */
export const customResourceDefinitionKind: KindDefinition<CustomResourceDefinition> = {
  resource: customResourceDefinitions,
  listKind: 'CustomResourceDefinitionList',
  singular: 'customresourcedefinition',
  versionedPut: true,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  subresources: ['status'],
  statusKeeps: 'metadata',
  default: defaultDefinition,
  prepare(draft, old) {
    if (old === undefined) delete draft.status
  },
  load: loadForRules,
  validate: (definition, old) => [
    ...validateDefinition(definition),
    ...(old === undefined ? [] : validateDefinitionUpdate(definition, old)),
  ],
  announceDeletion,
  columns: [
    {
      name: 'Created At',
      type: 'date',
      description: 'When the object was created.',
      cell: ({ metadata }) => metadata.creationTimestamp ?? '',
    },
  ],
  mergeLists: { 'status.conditions': { keys: ['type'] } },
}

function defaultDefinition(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  setDefault(spec, 'conversion', { strategy: 'None' })
  const names = objectIn(spec, 'names')
  if (names !== undefined && typeof names.kind === 'string') {
    setDefault(names, 'singular', names.kind.toLowerCase())
    setDefault(names, 'listKind', `${names.kind}List`)
  }
  for (const version of objectsIn(spec, 'versions')) {
    setDefault(version, 'served', false)
    setDefault(version, 'storage', false)
  }
}

/** The definition stays until the objects of its kind are gone; the controller that deletes them takes the finalizer off. */
function announceDeletion(draft: Draft, now: number): void {
  const metadata = objectIn(draft, 'metadata')
  if (metadata === undefined) return
  const finalizers = Array.isArray(metadata.finalizers) ? (metadata.finalizers as readonly string[]) : []
  if (!finalizers.includes(CLEANUP_FINALIZER)) metadata.finalizers = [...finalizers, CLEANUP_FINALIZER]
  const status = objectIn(draft, 'status') ?? {}
  const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon'
  const pending: Condition = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message }
  const conditions = setCondition(status.conditions as readonly Condition[] | undefined, pending, now)
  draft.status = { ...status, conditions }
}

/** Rules are compiled when a definition is written. */
function loadForRules({ spec }: Draft): Promise<void> | undefined {
  return JSON.stringify(spec ?? {}).includes('"x-kubernetes-validations"') ? loadCel() : undefined
}
