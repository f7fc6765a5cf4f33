import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { namespaces } from '../resource.ts'
import type { Namespace } from '../types/core.ts'
import { invalid } from '../validation/field-error.ts'
import { qualifiedNameProblems } from '../validation/names.ts'
import { isQualifiedFinalizer, UNQUALIFIED } from '../validation/object-meta.ts'
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
  validate: (namespace, old) =>
    old === undefined ? validateFinalizers(namespace.spec?.finalizers) : validatePhase(namespace),
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

/** Rules of `spec.finalizers`: names with a domain, or one of Kubernetes' own. */
export function validateNamespaceFinalizers(finalizers: readonly string[] = []): readonly FieldError[] {
  return finalizers.flatMap((name, index) => validateFinalizer(name, `spec.finalizers[${index}]`))
}

/** Of a new namespace; upstream does not say which of them it is. */
function validateFinalizers(finalizers: readonly string[] = []): readonly FieldError[] {
  return finalizers.flatMap((name) => validateFinalizer(name, 'spec.finalizers'))
}

function validateFinalizer(name: string, field: string): readonly FieldError[] {
  const errors = qualifiedNameProblems(name).map((text) => invalid(field, name, text))
  if (isQualifiedFinalizer(name)) return errors
  return [...errors, invalid(field, name, UNQUALIFIED)]
}

/** The path is upstream's, with its capital. */
function validatePhase({ metadata, status }: Namespace): readonly FieldError[] {
  const [wanted, when] =
    metadata.deletionTimestamp === undefined ? ['Active', 'is empty'] : ['Terminating', 'is not empty']
  if (status?.phase === wanted) return []
  return [invalid('status.Phase', status?.phase ?? '', `may only be '${wanted}' if \`deletionTimestamp\` ${when}`)]
}

function withKubernetes(spec: Draft): readonly unknown[] {
  setDefault(spec, 'finalizers', [])
  const given = Array.isArray(spec.finalizers) ? spec.finalizers : []
  return given.includes('kubernetes') ? given : [...given, 'kubernetes']
}
