import type { Draft, FieldError } from '../kube/kind.ts'
import { copyJson } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import { pods } from '../kube/resource.ts'
import { forbidden as forbiddenField, invalid, notSupported } from '../kube/validation/field-error.ts'
import type { Entry } from '../store/store.ts'
import { applyConfiguration } from './apply.ts'
import { ANONYMOUS } from './authorization.ts'
import { JSON_TYPE, mediaTypeOf, readObject, YAML_TYPE } from './body.ts'
import type { ApiContext } from './context.ts'
import { decodedObject } from './decoded.ts'
import { validateApplied, validateFields, warningHeaders } from './field-validation.ts'
import { waitUntilFresh } from './freshness.ts'
import { encodePage, type ListRequest, listObjects, versionNumber } from './list.ts'
import { validateListOptions, validateWatchOptions } from './list-options.ts'
import { fieldManagerOf } from './managed-fields.ts'
import { type DeleteOptions, type Deletion, deleteObject } from './object-deletion.ts'
import { alignWithUrl, metadataOf } from './object-meta.ts'
import {
  createObject,
  getEntry,
  isNotFound,
  type ObjectPlace,
  type UpdatePart,
  uidPrecondition,
  updateObject,
  type WriteSettings,
} from './object-storage.ts'
import { APPLY_PATCH, applyPatch, readPatch } from './patch.ts'
import { defaultAccountMade } from './pod-account-hook.ts'
import { flag, invalidOptions, type OptionsKind, requireManager, wholeNumber, writeSettings } from './query.ts'
import { acceptedForm, showOne } from './representation.ts'
import { type ApiRequest, type ApiResponse, jsonResponse } from './request.ts'
import { selectionOf } from './selection.ts'
import { badRequest, conflict, forbidden, methodNotAllowed, versionNeeded } from './status-error.ts'
import { watchObjects } from './watch.ts'

/** A request for objects of a kind, with what its URL says. */
export interface ResourceCall {
  readonly context: ApiContext
  readonly request: ApiRequest
  readonly query: URLSearchParams
  readonly kind: AnyKind
  readonly namespace: string | undefined
  /** Changes are to be followed. */
  readonly watching: boolean
  /** Whether who asks may also do this with the object: what a request does may depend on what there is. @throws StatusError */
  requireVerb(verb: string): void
}

/** A request for one object. */
export type ObjectCall = ResourceCall & { readonly name: string }

/** Namespaces that no cluster is without. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public'])

/** GET, POST and DELETE of a collection. */
export async function handleCollection(call: ResourceCall): Promise<ApiResponse> {
  switch (call.request.method) {
    case 'GET':
      return call.watching ? watch(call) : list(call)
    case 'POST':
      return create(call)
    case 'DELETE':
      return deleteCollection(call)
    default:
      throw methodNotAllowed()
  }
}

/** GET, PUT, PATCH and DELETE of one object. */
export async function handleObject(call: ObjectCall): Promise<ApiResponse> {
  switch (call.request.method) {
    case 'GET':
      return call.watching ? watch(call) : get(call)
    case 'PUT':
      return replace(call, 'main')
    case 'PATCH':
      return patch(call, 'main')
    case 'DELETE':
      return remove(call)
    default:
      throw methodNotAllowed()
  }
}

/** Where the object of a call is. */
export function placeOf({ kind, namespace, name }: ObjectCall): ObjectPlace {
  return { kind, namespace, name }
}

/** How a write is to be done, with what may refuse it. */
function admittedSettings(
  { context, kind, query, request }: ResourceCall,
  part: UpdatePart,
  options: OptionsKind,
): WriteSettings {
  const { user = ANONYMOUS } = request
  const subresource = part === 'main' || part === 'internal' ? '' : part
  return {
    ...writeSettings(query, options),
    admit(object, old) {
      for (const admission of context.admission) admission({ user, kind, subresource, object, old })
    },
  }
}

/** An answer that shows one object in the form asked for. */
export function shown(
  { context, kind, request, query }: ResourceCall,
  entry: Entry,
  ...[status, warnings = []]: readonly [number, (readonly string[])?]
): ApiResponse {
  const form = acceptedForm(request.headers.accept, query.get('includeObject'))
  const response = jsonResponse(status, showOne(kind, entry, form, context.clock.now()))
  return { ...response, headers: { ...response.headers, ...warningHeaders(warnings) } }
}

async function list(call: ResourceCall): Promise<ApiResponse> {
  const { context, kind, query, request } = call
  validateListOptions(query)
  await waitForVersion(call)
  const form = acceptedForm(request.headers.accept, query.get('includeObject'))
  return jsonResponse(200, encodePage(kind, listObjects(context, listRequest(call)), form, context.clock.now()))
}

/** Of versions that are to be shown as they were, none is waited for. */
async function waitForVersion({ context, query }: ResourceCall): Promise<void> {
  const wanted = query.get('resourceVersion') ?? ''
  if (wanted === '' || wanted === '0' || query.get('resourceVersionMatch') === 'Exact') return
  await waitUntilFresh(context, versionNumber(wanted))
}

/** One object, of the version asked for or newer. */
async function get(call: ObjectCall): Promise<ApiResponse> {
  await waitForVersion(call)
  return shown(call, getEntry(call.context, placeOf(call)), 200)
}

function listRequest({ kind, namespace, query }: ResourceCall): ListRequest {
  const limit = wholeNumber(query, 'limit')
  return {
    kind,
    namespace,
    selection: selectionOf(kind, query.get('labelSelector'), query.get('fieldSelector')),
    limit: limit === undefined || limit <= 0 ? undefined : limit,
    continueToken: query.get('continue') || undefined,
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
  }
}

function watch(call: ResourceCall & { readonly name?: string }): ApiResponse {
  const { context, kind, namespace, query, request } = call
  validateWatchOptions(query)
  const sendInitialEvents = flag(query, 'sendInitialEvents')
  const fields = query.get('fieldSelector') || (call.name === undefined ? null : `metadata.name=${call.name}`)
  const selection = selectionOf(kind, query.get('labelSelector'), fields)
  const resourceVersion = query.get('resourceVersion') ?? ''
  if (resourceVersion !== '') versionNumber(resourceVersion)
  if (call.name !== undefined && selection.name !== call.name) {
    throw badRequest("fieldSelector metadata.name doesn't match requested name")
  }
  const body = watchObjects(context, {
    kind,
    namespace,
    selection,
    form: acceptedForm(request.headers.accept, query.get('includeObject')),
    resourceVersion,
    sendInitialEvents,
    bookmarks: flag(query, 'allowWatchBookmarks'),
    timeoutSeconds: wholeNumber(query, 'timeoutSeconds') || undefined,
    signal: request.signal,
  })
  return { status: 200, headers: { 'content-type': 'application/json' }, body }
}

async function create(call: ResourceCall): Promise<ApiResponse> {
  const { context, kind, namespace, query, request } = call
  const bytes = await request.body()
  const contentType = request.headers['content-type']
  const draft = await readObject(bytes, contentType)
  if (kind.resource.namespaced && namespace === undefined) throw methodNotAllowed()
  alignWithUrl(kind, draft, { namespace })
  const warnings = validateFields(kind, draft, { query, body: { bytes, contentType } })
  const manager = fieldManagerOf(query, request.headers['user-agent'])
  if (kind.resource === pods) await defaultAccountMade(context, namespace ?? '', draft)
  const entry = await createObject(context, kind, {
    draft,
    manager,
    settings: admittedSettings(call, 'main', 'CreateOptions'),
  })
  return shown(call, entry, 201, withKindWarnings(kind, entry, warnings))
}

/** What the shape check and the kind itself have to say about what was written. */
function withKindWarnings(kind: AnyKind, entry: Entry, warnings: readonly string[]): readonly string[] {
  return kind.warnings === undefined ? warnings : [...warnings, ...kind.warnings(decodedObject(entry))]
}

/** PUT of an object or its status. */
export async function replace(call: ObjectCall, part: UpdatePart): Promise<ApiResponse> {
  const { kind, namespace, name, query, request } = call
  const bytes = await request.body()
  const contentType = request.headers['content-type']
  const body = await readObject(bytes, contentType)
  alignWithUrl(kind, body, { namespace, name })
  const warnings = validateFields(kind, body, { query, body: { bytes, contentType } })
  const { entry, created } = await replaced(call, part, body)
  return shown(call, entry, created ? 201 : 200, withKindWarnings(kind, entry, warnings))
}

async function replaced(
  call: ObjectCall,
  part: UpdatePart,
  body: Draft,
): Promise<{ readonly entry: Entry; readonly created: boolean }> {
  const { context, kind, name, query, request } = call
  const manager = fieldManagerOf(query, request.headers['user-agent'])
  const settings = admittedSettings(call, part, 'UpdateOptions')
  const change = () => {
    requireVersion(kind, body, name)
    // Defaulting changes what it is given, and another attempt starts from what was sent.
    return copyJson(body)
  }
  try {
    const { entry } = await updateObject(context, placeOf(call), { part, manager, settings, change })
    return { entry, created: false }
  } catch (error) {
    if (!isNotFound(error) || part !== 'main' || kind.createdByPut !== true) throw error
  }
  call.requireVerb('create')
  const metadata = metadataOf(body)
  if (metadata.uid !== undefined) throw conflict(kind.resource, name, uidPrecondition(metadata.uid, ''))
  delete metadata.resourceVersion
  return { entry: await createObject(context, kind, { draft: body, manager, settings }), created: true }
}

/** @throws StatusError Invalid. */
function requireVersion(kind: AnyKind, body: Draft, name: string): void {
  const { resourceVersion } = metadataOf(body)
  if (kind.versionedPut !== true || (resourceVersion !== undefined && resourceVersion !== '0')) return
  throw versionNeeded(kind.resource, name)
}

/** PATCH of an object or its status. */
export async function patch(call: ObjectCall, part: UpdatePart): Promise<ApiResponse> {
  const { context, kind, namespace, name, query, request } = call
  const type = mediaTypeOf(request.headers['content-type'])
  const bytes = await request.body()
  if (type === APPLY_PATCH) {
    const body = await readApplied(bytes)
    requireManager(query)
    const warnings = validateApplied(kind, body, query)
    const { entry, created } = await applyConfiguration(context, placeOf(call), {
      part,
      body,
      manager: fieldManagerOf(query, request.headers['user-agent']),
      managerGiven: query.has('fieldManager'),
      force: flag(query, 'force'),
      mayCreate: () => call.requireVerb('create'),
      settings: admittedSettings(call, part, 'PatchOptions'),
    })
    return shown(call, entry, created ? 201 : 200, withKindWarnings(kind, entry, warnings))
  }
  if (query.has('force')) {
    throw invalidOptions('PatchOptions', [forbiddenField('force', 'may not be specified for non-apply patch')])
  }
  const body = readPatch(bytes, type, query)
  let warnings: readonly string[] = []
  const { entry } = await updateObject(context, placeOf(call), {
    part,
    manager: fieldManagerOf(query, request.headers['user-agent']),
    settings: admittedSettings(call, part, 'PatchOptions'),
    change(present) {
      const draft = copyJson(applyPatch(kind, present(), { type, body }))
      alignWithUrl(kind, draft, { namespace, name })
      warnings = validateFields(kind, draft, { query })
      return draft
    },
  })
  return shown(call, entry, 200, withKindWarnings(kind, entry, warnings))
}

/** YAML, of which JSON is a part that needs no YAML parser. */
export function readApplied(bytes: Uint8Array): Promise<Draft> {
  const isJson = bytes[0] === 0x7b
  return readObject(bytes, isJson ? JSON_TYPE : YAML_TYPE)
}

async function remove(call: ObjectCall): Promise<ApiResponse> {
  const { context, query, kind, name } = call
  if (kind.resource.plural === 'namespaces' && IMMORTAL.has(name)) {
    throw forbidden(kind.resource, name, 'this namespace may not be deleted')
  }
  const options = await deleteOptions(call)
  const settings = writeSettings(query, 'DeleteOptions', options.dryRun)
  const done = await deleteObject(context, placeOf(call), { options, settings })
  return deletionResponse(call, done)
}

function deletionResponse(call: ObjectCall, { entry, gone }: Deletion): ApiResponse {
  if (!gone) return shown(call, entry, 200)
  const { group, plural } = call.kind.resource
  const details = {
    name: call.name,
    ...(group === '' ? {} : { group }),
    kind: plural,
    uid: decodedObject(entry).metadata.uid,
  }
  return jsonResponse(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details })
}

async function deleteCollection(call: ResourceCall): Promise<ApiResponse> {
  const { context, kind, query, request } = call
  // As upstream: each is deleted by its name.
  if (kind.resource.plural === 'namespaces') throw methodNotAllowed()
  const options = await deleteOptions(call)
  const settings = writeSettings(query, 'DeleteOptions', options.dryRun)
  const page = listObjects(context, listRequest(call))
  for (const { metadata } of page.entries.map(decodedObject)) {
    try {
      await deleteObject(context, { kind, namespace: metadata.namespace, name: metadata.name }, { options, settings })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  const form = acceptedForm(request.headers.accept, query.get('includeObject'))
  return jsonResponse(200, encodePage(kind, page, form, context.clock.now()))
}

/** Options of a deletion: in the body, in the query, or neither. */
export async function deleteOptions({ request, query }: ResourceCall): Promise<DeleteOptions> {
  const bytes = await request.body()
  const body: Draft = bytes.byteLength === 0 ? {} : await readObject(bytes, request.headers['content-type'])
  const grace = wholeNumber(query, 'gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  const orphan = query.get('orphanDependents')
  const options = {
    ...body,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: flag(query, 'orphanDependents') }),
  } as DeleteOptions
  const errors = deletionProblems(options)
  if (errors.length > 0) throw invalidOptions('DeleteOptions', errors)
  return options
}

const POLICIES = ['Foreground', 'Background', 'Orphan', 'nil']

/** meta/v1 `ValidateDeleteOptions`. */
function deletionProblems({ orphanDependents, propagationPolicy }: DeleteOptions): readonly FieldError[] {
  const field = 'propagationPolicy'
  if (propagationPolicy === undefined) return []
  const both = 'orphanDependents and deletionPropagation cannot be both set'
  return [
    ...(orphanDependents === undefined ? [] : [invalid(field, propagationPolicy, both)]),
    ...(POLICIES.slice(0, 3).includes(propagationPolicy) ? [] : [notSupported(field, propagationPolicy, POLICIES)]),
  ]
}
