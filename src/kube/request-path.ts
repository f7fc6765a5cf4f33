import { FairleadError } from '../base/error.ts'
import type { Resource } from './resource.ts'
import type { KubeObject } from './types/meta.ts'

export interface RequestPlace {
  readonly namespace?: string | undefined
  /** All objects when left out. */
  readonly name?: string | undefined
  readonly subresource?: string | undefined
  /** Query parameters; `undefined` leaves one out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
}

/**
 * The path and query of a request, for example `/apis/apps/v1/namespaces/default/deployments/web/scale?dryRun=All`.
 *
 * @throws FairleadError `INVALID_INPUT` when an object of a namespaced kind is named without its namespace, or a name is empty.
 */
export function requestPath(resource: Resource<KubeObject>, place: RequestPlace): string {
  const { group, version, kind, plural, namespaced } = resource
  const { namespace, name, subresource, query = {} } = place
  if (name === '') throw new FairleadError('INVALID_INPUT', `Cannot address a ${kind}: its name is empty`)
  if (namespaced && name !== undefined && !namespace) {
    throw new FairleadError('INVALID_INPUT', `Cannot address ${kind} "${name}": no namespace is given`)
  }
  const segments = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(namespaced && namespace ? ['namespaces', namespace] : []),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  const parameters = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === false ? [] : [`${key}=${encodeURIComponent(value)}`],
  )
  const path = `/${segments.map(encodeURIComponent).join('/')}`
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
}
