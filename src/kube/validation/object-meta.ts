import type { FieldError, KindDefinition } from '../kind.ts'
import type { KubeObject, ObjectMeta } from '../types/meta.ts'
import { forbidden, invalid, required } from './field-error.ts'
import { labelProblems, labelValueProblems, nameProblems, qualifiedNameProblems } from './names.ts'

const ANNOTATIONS_LIMIT = 256 * 1024

/** Checks the metadata of any kind of object; `old` on update. */
export function validateObjectMeta(
  definition: KindDefinition<KubeObject>,
  metadata: ObjectMeta,
  old: ObjectMeta | undefined,
): readonly FieldError[] {
  return [
    ...(old === undefined ? validateName(definition, metadata) : validateUnchanged(metadata, old)),
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata),
    ...validateFinalizers(metadata, old),
    ...(wantsQualified(definition) ? validateQualified(metadata.finalizers ?? []) : []),
  ]
}

function validateName(definition: KindDefinition<KubeObject>, metadata: ObjectMeta): readonly FieldError[] {
  const rule = definition.nameRule ?? 'subdomain'
  const errors: FieldError[] = []
  if (metadata.generateName !== undefined && metadata.generateName !== '') {
    const prefix = metadata.generateName
    errors.push(...nameProblems(rule, prefix, true).map((text) => invalid('metadata.generateName', prefix, text)))
  }
  if (metadata.name === undefined || metadata.name === '') {
    errors.push(required('metadata.name', 'name or generateName is required'))
  } else {
    errors.push(...nameProblems(rule, metadata.name).map((text) => invalid('metadata.name', metadata.name, text)))
  }
  if (definition.resource.namespaced) {
    const namespace = metadata.namespace ?? ''
    errors.push(...labelProblems(namespace).map((text) => invalid('metadata.namespace', namespace, text)))
  }
  return errors
}

function validateUnchanged(metadata: ObjectMeta, old: ObjectMeta): readonly FieldError[] {
  const fields = ['name', 'namespace', 'uid', 'creationTimestamp'] as const
  return fields
    .filter((field) => metadata[field] !== old[field])
    .map((field) => invalid(`metadata.${field}`, metadata[field], 'field is immutable'))
}

/** Checks a map of labels. */
export function validateLabels(labels: unknown, path: string): readonly FieldError[] {
  if (labels === undefined) return []
  return Object.entries(labels as Record<string, unknown>).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((text) => invalid(path, key, text)),
    ...(typeof value === 'string'
      ? labelValueProblems(value).map((text) => invalid(path, value, text))
      : [invalid(path, value, 'must be a string')]),
  ])
}

/** Checks annotations. */
export function validateAnnotations(annotations: unknown, path: string): readonly FieldError[] {
  if (annotations === undefined) return []
  let size = 0
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(annotations as Record<string, unknown>)) {
    errors.push(...qualifiedNameProblems(key.toLowerCase()).map((text) => invalid(path, key, text)))
    if (typeof value !== 'string') errors.push(invalid(path, value, 'must be a string'))
    else size += key.length + value.length
  }
  if (size > ANNOTATIONS_LIMIT) {
    errors.push({ type: 'TooLong', field: path, detail: `may not be more than ${ANNOTATIONS_LIMIT} bytes` })
  }
  return errors
}

function validateOwners(metadata: ObjectMeta): readonly FieldError[] {
  const owners = metadata.ownerReferences ?? []
  const path = 'metadata.ownerReferences'
  const errors = owners.flatMap((owner) => {
    return (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => typeof owner[field] !== 'string' || owner[field] === '')
      .map((field) =>
        field === 'apiVersion'
          ? invalid(`${path}.apiVersion`, '', 'version must not be empty')
          : invalid(`${path}.${field}`, '', 'must not be empty'),
      )
  })
  const controllers = owners.filter((owner) => owner.controller === true)
  if (controllers.length > 1) {
    const names = controllers
      .slice(0, 2)
      .map(({ kind, name }) => `${kind}/${name}`)
      .join(' and ')
    errors.push(
      invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${names}`,
      ),
    )
  }
  return errors
}

export const UNQUALIFIED = 'name is neither a standard finalizer name nor is it fully qualified'
const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion']

/** Whether a finalizer has a domain, or is one of Kubernetes' own. */
export function isQualifiedFinalizer(name: string): boolean {
  return name.includes('/') || STANDARD_FINALIZERS.includes(name)
}

/** Of custom objects, and of what defines them, finalizers may have any name (upstream `core/validation.ValidateObjectMeta`). */
function wantsQualified({ custom, resource }: KindDefinition<KubeObject>): boolean {
  return custom !== true && resource.group !== 'apiextensions.k8s.io'
}

function validateQualified(finalizers: readonly string[]): readonly FieldError[] {
  return finalizers.flatMap((name, index) =>
    isQualifiedFinalizer(name) ? [] : [invalid(`metadata.finalizers[${index}]`, name, UNQUALIFIED)],
  )
}

function validateFinalizers(metadata: ObjectMeta, old: ObjectMeta | undefined): readonly FieldError[] {
  const finalizers = metadata.finalizers ?? []
  const errors = finalizers.flatMap((name) =>
    qualifiedNameProblems(name).map((text) => invalid('metadata.finalizers', name, text)),
  )
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const text = 'finalizer orphan and foregroundDeletion cannot be both set'
    errors.push(invalid('metadata.finalizers', finalizers, text))
  }
  if (old?.deletionTimestamp !== undefined) {
    const added = finalizers.filter((name) => !(old.finalizers ?? []).includes(name))
    if (added.length > 0) {
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`,
        ),
      )
    }
  }
  return errors
}
