import { isFairleadError } from '../base/error.ts'
import type { Draft } from '../kube/kind.ts'
import { applyJsonPatch } from '../kube/patch/json-patch.ts'
import { applyMergePatch } from '../kube/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../kube/patch/strategic-merge-patch.ts'
import type { AnyKind } from '../kube/registry.ts'
import { readJson } from './body.ts'
import { badRequest, requestTooLarge, StatusError, unsupportedMediaType, unsupportedPatchType } from './status-error.ts'

export const JSON_PATCH = 'application/json-patch+json'
export const MERGE_PATCH = 'application/merge-patch+json'
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'
export const APPLY_PATCH = 'application/apply-patch+yaml'

const ACCEPTED_BY_CUSTOM = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
const METADATA_LISTS = { 'metadata.ownerReferences': { keys: ['uid'] }, 'metadata.finalizers': { keys: [] } }

/** More operations than a JSON patch may have. */
const MAX_OPERATIONS = 10_000

/** Reads a patch that changes what is there. @throws StatusError 400 for what is none, in the words of Go's decoder; 413. */
export function readPatch(bytes: Uint8Array, type: string, query: URLSearchParams): unknown {
  const body = readJson(bytes)
  if (type === JSON_PATCH) requireOperations(body, query)
  else if (type === MERGE_PATCH || type === STRATEGIC_PATCH) requireFields(body, type)
  return body
}

function requireOperations(body: unknown, query: URLSearchParams): void {
  if (!Array.isArray(body)) {
    const isChecked = query.get('fieldValidation') !== 'Ignore'
    const [before, into] = isChecked ? ['error decoding patch: ', '[]handlers.jsonPatchOp'] : ['', 'jsonpatch.Patch']
    throw badRequest(`${before}json: cannot unmarshal ${goTypeOf(body)} into Go value of type ${into}`)
  }
  if (body.length > MAX_OPERATIONS) {
    throw requestTooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${body.length}`)
  }
}

function requireFields(body: unknown, type: string): void {
  if (typeof body === 'object' && !Array.isArray(body)) return
  const before = type === MERGE_PATCH ? 'error decoding patch: ' : ''
  throw badRequest(`${before}json: cannot unmarshal ${goTypeOf(body)} into Go value of type map[string]interface {}`)
}

function goTypeOf(value: unknown): string {
  if (typeof value === 'boolean') return 'bool'
  return Array.isArray(value) ? 'array' : typeof value
}

/** Applies a patch of one of the three formats that change what is there. @throws StatusError 400, 415 or 422. */
export function applyPatch(
  kind: AnyKind,
  present: Draft,
  patch: { readonly type: string; readonly body: unknown },
): Draft {
  const patched = patchedOrRefused(kind, present, patch)
  if (typeof patched === 'object' && patched !== null && !Array.isArray(patched)) return patched as Draft
  throw badRequest('the patch leaves no object')
}

function patchedOrRefused(kind: AnyKind, present: Draft, { type, body }: { type: string; body: unknown }): unknown {
  try {
    switch (type) {
      case JSON_PATCH:
        return applyJsonPatch(present, body)
      case MERGE_PATCH:
        return applyMergePatch(present, body)
      case STRATEGIC_PATCH:
        if (kind.custom === true) throw unsupportedMediaType(ACCEPTED_BY_CUSTOM)
        return applyStrategicMergePatch(present, body, (path) => mergeListOf(kind, path))
      default:
        throw kind.custom === true ? unsupportedMediaType(ACCEPTED_BY_CUSTOM) : unsupportedPatchType()
    }
  } catch (error) {
    if (!isFairleadError(error, 'INVALID_INPUT')) throw error
    if (type !== JSON_PATCH) throw badRequest(error.message)
    // Upstream does not say which operation it was, and clients compare this text.
    throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
  }
}

/** How lists of a kind are merged, by path. */
export function mergeListOf(kind: AnyKind, path: string) {
  const { mergeLists = {} } = kind
  if (Object.hasOwn(mergeLists, path)) return mergeLists[path]
  return Object.hasOwn(METADATA_LISTS, path) ? (METADATA_LISTS as NonNullable<AnyKind['mergeLists']>)[path] : undefined
}
