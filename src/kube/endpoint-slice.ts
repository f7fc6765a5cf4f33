/** What EndpointSlices say beside their endpoints, in labels and annotations. */
import type { EndpointSlice } from './types/discovery.ts'

/** Name of the Service that a slice belongs to. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
/** When the pods changed that a slice was last written for, RFC 3339. */
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time'

/** `namespace/name` of the Service that a slice belongs to; `undefined` for none. */
export function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL]
  return name === undefined ? undefined : `${metadata.namespace}/${name}`
}

/** The same as a list of one or none, as an index takes it. */
export function serviceKeysOf(slice: EndpointSlice): readonly string[] {
  const key = serviceKeyOf(slice)
  return key === undefined ? [] : [key]
}

/** When the change began that a slice was written for, in milliseconds since the epoch; `undefined` when it does not say. */
export function triggerTimeOf({ metadata }: EndpointSlice): number | undefined {
  const time = Date.parse(metadata.annotations?.[TRIGGER_TIME_ANNOTATION] ?? '')
  return Number.isNaN(time) ? undefined : time
}
