import type { Draft, KindDefinition } from '../kind.ts'
import { namespaces } from '../resource.ts'
import type { Namespace } from '../types/core.ts'
import { ensureObject, setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

/** v1 Namespace: goes only after `spec.finalizers` is emptied through the `finalize` subresource. */
export const namespaceKind: KindDefinition<Namespace> = {
  resource: namespaces,
  listKind: 'NamespaceList',
  singular: 'namespace',
  shortNames: ['ns'],
  subresources: ['status', 'finalize'],
  nameRule: 'label',
  generation: false,
  default(draft) {
    const metadata = ensureObject(draft, 'metadata')
    if (typeof metadata.name === 'string' && metadata.name !== '') {
      ensureObject(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata.name
    }
  },
  prepare(draft, old) {
    if (old !== undefined) {
      draft.spec = old.spec
      return
    }
    draft.spec = { finalizers: withKubernetes(ensureObject(draft, 'spec')) }
    draft.status = { phase: 'Active' }
  },
  selectableFields: {
    'status.phase': (namespace) => namespace.status?.phase ?? '',
  },
  columns: [
    {
      name: 'Status',
      type: 'string',
      description: 'The status of the namespace',
      cell: (namespace) => namespace.status?.phase ?? '',
    },
    ageColumn,
  ],
  mergeLists: { 'status.conditions': { keys: ['type'] } },
}

function withKubernetes(spec: Draft): readonly unknown[] {
  setDefault(spec, 'finalizers', [])
  const given = Array.isArray(spec.finalizers) ? spec.finalizers : []
  return given.includes('kubernetes') ? given : [...given, 'kubernetes']
}
