import { formatTime } from '../base/time.ts'
import type { Draft } from '../kube/kind.ts'
import { ensureObject } from '../kube/kinds/draft.ts'
import { equalBut } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { ApiContext } from './context.ts'
import { badRequest } from './status-error.ts'

const SUFFIX_LENGTH = 5
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const GENERATED_BASE_LIMIT = 63 - SUFFIX_LENGTH

/** Fields of metadata that only the server sets. */
const SERVER_FIELDS = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
] as const

/** Checks that a body is what its URL says: kind, version, name and namespace; fills in what it leaves out. */
export function alignWithUrl(kind: AnyKind, draft: Draft, url: { namespace: string | undefined; name?: string }): void {
  const { resource } = kind
  const apiVersion = apiVersionOf(resource)
  draft.kind ??= resource.kind
  draft.apiVersion ??= apiVersion
  if (draft.kind !== resource.kind || draft.apiVersion !== apiVersion) {
    const given = `${draft.apiVersion}, Kind=${draft.kind}`
    throw badRequest(
      `the API version in the data (${given}) does not match the expected API version (${apiVersion}, Kind=${resource.kind})`,
    )
  }
  const metadata = metadataOf(draft)
  if (url.name !== undefined) {
    if (!metadata.name) metadata.name = url.name
    if (metadata.name !== url.name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${url.name})`)
    }
  }
  if (!resource.namespaced) {
    delete metadata.namespace
    return
  }
  if (!metadata.namespace) metadata.namespace = url.namespace
  if (metadata.namespace !== url.namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  }
}

/** The metadata of a draft; empty values of its fields are dropped. @throws StatusError when its shape is wrong. */
export function metadataOf(draft: Draft): Draft {
  const metadata = ensureObject(draft, 'metadata')
  if (metadata !== draft.metadata) throw badRequest('the object provided is unrecognized: metadata is no object')
  for (const [field, value] of Object.entries(metadata)) {
    if (value === null || value === '') delete metadata[field]
    else requireShape(field, value)
  }
  return metadata
}

const SHAPES: Readonly<Record<string, 'string' | 'map' | 'list'>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  uid: 'string',
  resourceVersion: 'string',
  labels: 'map',
  annotations: 'map',
  ownerReferences: 'list',
  finalizers: 'list',
  managedFields: 'list',
}

function requireShape(field: string, value: unknown): void {
  const wanted = SHAPES[field]
  if (wanted === undefined) return
  const got = Array.isArray(value) ? 'list' : typeof value === 'object' ? 'map' : typeof value
  if (got === wanted && (got !== 'list' || hasItemsOf(field, value as readonly unknown[]))) return
  throw badRequest(`the object provided is unrecognized: metadata.${field} must be a ${wanted}`)
}

function hasItemsOf(field: string, items: readonly unknown[]): boolean {
  const type = field === 'finalizers' ? 'string' : 'object'
  return items.every((item) => typeof item === type && item !== null)
}

/** Gives a new object what the server decides: uid, time of creation, a generated name. */
export function stampNew(kind: AnyKind, metadata: Draft, { random, clock }: ApiContext): void {
  for (const field of SERVER_FIELDS) delete metadata[field]
  if (!metadata.name && typeof metadata.generateName === 'string') {
    metadata.name = generatedName(metadata.generateName, random)
  }
  metadata.uid = random.uuid()
  metadata.creationTimestamp = formatTime(clock.now())
  if (hasGeneration(kind)) metadata.generation = 1
}

function generatedName(base: string, random: ApiContext['random']): string {
  const letters = Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX_LETTERS[random.below(SUFFIX_LETTERS.length)])
  return `${base.slice(0, GENERATED_BASE_LIMIT)}${letters.join('')}`
}

/** Keeps what an update may not touch, and counts the generation when more than metadata and status changed. */
export function stampUpdate(kind: AnyKind, draft: Draft, old: KubeObject): void {
  const metadata = ensureObject(draft, 'metadata')
  const before = old.metadata as unknown as Draft
  for (const field of SERVER_FIELDS) {
    if (before[field] === metadata[field]) continue
    if (before[field] === undefined) delete metadata[field]
    else metadata[field] = before[field]
  }
  if (before.generateName !== undefined) metadata.generateName ??= before.generateName
  if (hasGeneration(kind) && !equalBut(draft, old as unknown as Draft, ['metadata', 'status']))
    metadata.generation = (old.metadata.generation ?? 0) + 1
}

function hasGeneration(kind: AnyKind): boolean {
  return kind.generation ?? kind.subresources?.includes('status') ?? false
}
