import { formatQuantity, parseQuantity } from '../../quantity.ts'
import type { Findings } from '../../validation/findings.ts'
import { qualifiedNameProblems } from '../../validation/names.ts'

/** A field of the pod itself. */
export interface FieldSelector {
  readonly apiVersion?: string
  readonly fieldPath?: string
}

/** What a container may use or has asked for. */
export interface ResourceFieldSelector {
  readonly containerName?: string
  readonly resource?: string
  readonly divisor?: string | number
}

/** What can be asked for at all; environment variables and volumes each take a part. */
const READABLE = new Set([
  ...['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'],
  ...['spec.host', 'spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'spec.schedulerName'],
  ...['status.phase', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
])
const SUBSCRIPTED = /^(.+?)\['(.*)'\]$/s

const RESOURCES = [
  ...['limits.cpu', 'limits.ephemeral-storage', 'limits.memory'],
  ...['requests.cpu', 'requests.ephemeral-storage', 'requests.memory'],
]
const HUGE_PAGES = ['limits.hugepages-', 'requests.hugepages-']
const BYTES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']
const OF_BYTES = `only divisor's values ${BYTES.join(', ')} are supported with the`

/** What divides an amount, by what is divided. */
const DIVISORS: readonly (readonly [prefix: RegExp, divisors: readonly string[], text: string])[] = [
  [/\.cpu$/, ['1m', '1'], "only divisor's values 1m and 1 are supported with the cpu resource"],
  [/\.memory$/, BYTES, `${OF_BYTES} memory resource`],
  [/\.ephemeral-storage$/, BYTES, `${OF_BYTES} local ephemeral storage resource`],
  [/\.hugepages-/, BYTES, `${OF_BYTES} hugepages resource`],
]

/** Rules of a `fieldRef` (upstream `validateObjectFieldSelector`). @param allowed In order of the alphabet. */
export function checkFieldRef(
  { apiVersion = 'v1', fieldPath = '' }: FieldSelector,
  allowed: readonly string[],
  found: Findings,
): void {
  if (apiVersion === '') {
    found.required('apiVersion')
    return
  }
  if (fieldPath === '') {
    found.required('fieldPath')
    return
  }
  const problem = unreadable(apiVersion, fieldPath)
  if (problem !== undefined) {
    found.invalid('fieldPath', fieldPath, `error converting fieldPath: ${problem}`)
    return
  }
  const [, path, subscript] = SUBSCRIPTED.exec(fieldPath) ?? []
  if (subscript === undefined) {
    const read = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath
    found.oneOf('fieldPath', read, allowed)
    return
  }
  const key = path === 'metadata.annotations' ? subscript.toLowerCase() : subscript
  found.problems('', key, qualifiedNameProblems(key))
}

function unreadable(apiVersion: string, fieldPath: string): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`
  const path = SUBSCRIPTED.exec(fieldPath)?.[1]
  if (path === undefined) return READABLE.has(fieldPath) ? undefined : `field label not supported: ${fieldPath}`
  if (path === 'metadata.annotations' || path === 'metadata.labels') return undefined
  return `field label does not support subscript: ${fieldPath}`
}

/**
 * Rules of a `resourceFieldRef` (upstream `validateContainerResourceFieldSelector`).
 *
 * @param ofVolume A volume belongs to no container and must name one.
 */
export function checkResourceFieldRef(
  { containerName, resource = '', divisor }: ResourceFieldSelector,
  ofVolume: boolean,
  found: Findings,
): void {
  if (ofVolume && !containerName) found.required('containerName')
  else if (resource === '') found.required('resource')
  else if (!HUGE_PAGES.some((prefix) => resource.startsWith(prefix))) found.oneOf('resource', resource, RESOURCES)
  checkDivisor(resource, divisor, found)
}

function checkDivisor(resource: string, divisor: string | number | undefined, found: Findings): void {
  if (divisor === undefined) return
  const quantity = parseQuantity(divisor)
  if (quantity.nanos === 0n || !/^(limits|requests)\./.test(resource)) return
  const rule = DIVISORS.find(([of]) => of.test(resource))
  if (rule !== undefined && !rule[1].includes(formatQuantity(quantity))) found.invalid('divisor', resource, rule[2])
}
