import { isFairleadError } from '../base/error.ts'
import { exactValueOf, matchesFields, type ParsedFieldSelector, parseFieldSelector } from '../kube/field-selector.ts'
import type { AnyKind } from '../kube/registry.ts'
import { matchesLabels, parseLabelSelector } from '../kube/selector.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { goQuote } from '../kube/validation/go-quote.ts'
import { badRequest } from './status-error.ts'

/** Which objects a list, a watch or a deletion of many is about. */
export interface Selection {
  /** Nothing is selected away: objects need not be looked at. */
  readonly all: boolean
  /** The one name asked for by `metadata.name=…`, if so. */
  readonly name: string | undefined
  matches(object: KubeObject): boolean
}

export const everything: Selection = { all: true, name: undefined, matches: () => true }

/** Reads the selectors of a query. @throws StatusError for malformed ones and for fields that the kind does not have. */
export function selectionOf(kind: AnyKind, labelText: string | null, fieldText: string | null): Selection {
  if (!labelText && !fieldText) return everything
  const labels = labelText ? parsed(() => parseLabelSelector(labelText)) : []
  const fields = fieldText ? parsed(() => parseFieldSelector(fieldText)) : []
  requireKnownFields(kind, fields)
  const name = exactValueOf(fields, 'metadata.name')
  return {
    all: false,
    name,
    matches: (object) =>
      matchesLabels(labels, object.metadata.labels) && matchesFields(fields, (field) => fieldOf(kind, object, field)),
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (isFairleadError(error, 'INVALID_INPUT')) throw badRequest(error.message)
    throw error
  }
}

function fieldOf(kind: AnyKind, object: KubeObject, field: string): string {
  if (field === 'metadata.name') return object.metadata.name
  if (field === 'metadata.namespace') return object.metadata.namespace ?? ''
  return kind.selectableFields?.[field]?.(object) ?? ''
}

function requireKnownFields(kind: AnyKind, fields: ParsedFieldSelector): void {
  for (const { field } of fields) {
    if (field === 'metadata.name' || (field === 'metadata.namespace' && kind.resource.namespaced)) continue
    if (kind.selectableFields?.[field] !== undefined) continue
    throw badRequest(unknownFieldText(kind, field))
  }
}

/** Upstream words it one way for kinds that have field selectors of their own, and another for the rest. */
function unknownFieldText({ custom, selectableFields, resource }: AnyKind, field: string): string {
  if (resource.plural === 'jobs' && resource.group === 'batch')
    return `field label ${goQuote(field)} not supported for batchv1.Job`
  if (custom === true || selectableFields !== undefined) return `field label not supported: ${field}`
  return `${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
}
