import { FairleadError } from '../base/error.ts'
import type { FieldError } from '../kube/kind.ts'
import type { Status, StatusCause } from '../kube/types/meta.ts'
import { fieldErrorCause, fieldErrorText } from '../kube/validation/field-error.ts'

/** A refusal of a request: what its Status body says, with upstream's reasons and words. */
export class StatusError extends FairleadError {
  readonly status: Status & { readonly code: number }

  constructor(
    code: number,
    reason: string,
    message: string,
    ...[details, metadata = {}]: readonly [Status['details']?, Status['metadata']?]
  ) {
    super('API_REFUSED', message)
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    }
  }
}

/** A resource as it is named in messages: `services`, `deployments.apps`. */
export interface ResourceName {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

function qualified(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`
}

function groupDetail(group: string): { group?: string } {
  return group === '' ? {} : { group }
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message)
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized')
}

/** @param denied e.g. `User "x" cannot list resource "pods" in API group "" in the namespace "default"`. */
export function forbidden(resource: { group: string; plural: string }, name: string, denied: string): StatusError {
  const what =
    resource.plural === '' ? '' : `${qualified(resource.plural, resource.group)}${name === '' ? '' : ` "${name}"`} is `
  return new StatusError(403, 'Forbidden', `${what}forbidden: ${denied}`, {
    ...(name === '' ? {} : { name }),
    ...groupDetail(resource.group),
    ...(resource.plural === '' ? {} : { kind: resource.plural }),
  })
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(resource.plural, resource.group)} "${name}" not found`, {
    name,
    ...groupDetail(resource.group),
    kind: resource.plural,
  })
}

/** No such path or resource. */
export function pathNotFound(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {})
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})
}

export function notAcceptable(): StatusError {
  return new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  )
}

/** A patch of a type that no built-in kind takes: refused before it is known what is asked for. */
export function unsupportedPatchType(): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`
  return new StatusError(415, 'UnsupportedMediaType', message)
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualified(resource.plural, resource.group)} "${name}" already exists`,
    {
      name,
      ...groupDetail(resource.group),
      kind: resource.plural,
    },
  )
}

/** Names were made up until the server gave up. */
export function nameConflict(resource: ResourceName, name: string): StatusError {
  const what = `${qualified(resource.plural, resource.group)} ${JSON.stringify(name)}`
  const message = `${what} already exists, the server was not able to generate a unique name for the object`
  const details = { name, ...groupDetail(resource.group), kind: resource.plural, retryAfterSeconds: 1 }
  return new StatusError(409, 'AlreadyExists', message, details)
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

export function conflict(resource: ResourceName, name: string, why = MODIFIED): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource.plural, resource.group)} "${name}": ${why}`
  return new StatusError(409, 'Conflict', message, { name, ...groupDetail(resource.group), kind: resource.plural })
}

/** @param metadata How to go on all the same */
export function gone(message: string, metadata: Status['metadata'] = {}): StatusError {
  return new StatusError(410, 'Expired', message, undefined, metadata)
}

export function tooLarge(limit: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)
}

/** A request that asks for more at once than the server does. */
export function requestTooLarge(why: string): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`)
}

/** The headers of a request are longer than the server reads. */
export function tooManyHeaders(): StatusError {
  return new StatusError(431, 'RequestHeaderFieldsTooLarge', 'the headers of the request are too large')
}

/** The rest of a request did not come in time. */
export function requestTimedOut(): StatusError {
  return new StatusError(408, 'Timeout', 'the request did not come to its end in time')
}

/** The server took too long over a request. */
export function requestDeadlineExceeded(): StatusError {
  return new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {})
}

export function invalidObject(resource: ResourceName, name: string, errors: readonly FieldError[]): StatusError {
  const texts = [...new Set(errors.map(fieldErrorText))]
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  return new StatusError(422, 'Invalid', `${qualified(resource.kind, resource.group)} "${name}" is invalid: ${list}`, {
    ...(name === '' ? {} : { name }),
    ...groupDetail(resource.group),
    kind: resource.kind,
    causes: errors.map(fieldErrorCause),
  })
}

/** A PUT that does not say which version it changes, of a kind that wants to know. The value is as Go prints it. */
export function versionNeeded({ group, plural }: ResourceName, name: string): StatusError {
  const field = 'metadata.resourceVersion'
  const message = 'Invalid value: 0x0: must be specified for an update'
  return new StatusError(422, 'Invalid', `${qualified(plural, group)} "${name}" is invalid: ${field}: ${message}`, {
    name,
    ...groupDetail(group),
    kind: plural,
    causes: [{ reason: 'FieldValueInvalid', message, field }],
  })
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds })
}

/** Asked for a version that is not there yet. */
export function futureVersion(wanted: number, current: number): StatusError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`
  const cause: StatusCause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }
  return new StatusError(504, 'Timeout', message, { causes: [cause], retryAfterSeconds: 1 })
}

export function internalError(message: string): StatusError {
  const text = `Internal error occurred: ${message}`
  return new StatusError(500, 'InternalError', text, { causes: [{ message }] })
}

/** The node or pod behind a proxied request does not answer. */
export function unavailable(message: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', message)
}

/** A namespace that goes takes nothing new. */
export function namespaceTerminating(resource: ResourceName, name: string, namespace: string): StatusError {
  const denied = `unable to create new content in namespace ${namespace} because it is being terminated`
  const { status } = forbidden(resource, name, denied)
  const message = `namespace ${namespace} is being terminated`
  return new StatusError(403, 'Forbidden', status.message ?? denied, {
    ...status.details,
    causes: [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }],
  })
}
