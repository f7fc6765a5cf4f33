import { isDeepStrictEqual } from 'node:util'
import type { FieldError } from '../kind.ts'
import type { EphemeralContainer, PodSpec } from '../types/core.ts'
import { duplicate, forbidden } from '../validation/field-error.ts'

const ALLOWED = new Set([
  ...['name', 'image', 'command', 'args', 'workingDir', 'envFrom', 'env', 'volumeMounts', 'volumeDevices'],
  ...['terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy', 'securityContext'],
  ...['stdin', 'stdinOnce', 'tty', 'targetContainerName'],
])
const NOT_HERE = 'cannot be set for an Ephemeral Container'

/**
 * What containers that were added to a running pod must not say, beside the rules of all containers: nothing that a
 * service would need (upstream `validateEphemeralContainers`).
 */
export function validateEphemeral(spec: PodSpec, path: string): readonly FieldError[] {
  const others = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map(({ name }) => name)
  const all = spec.ephemeralContainers ?? []
  return all.flatMap((container, index) => {
    const at = `${path}.ephemeralContainers[${index}]`
    const { name, targetContainerName: target } = container
    return [
      ...(others.includes(name) ? [duplicate(`${at}.name`, name)] : []),
      ...(target && !others.includes(target) ? [missingTarget(`${at}.targetContainerName`, target)] : []),
      ...forbiddenFields(container, at),
      ...subPaths(container, at),
    ]
  })
}

/** Containers may be added to a pod that runs, never changed or taken away. */
export function validateEphemeralChange(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  const path = 'spec.ephemeralContainers'
  return (old.ephemeralContainers ?? []).flatMap((before) => {
    const now = spec.ephemeralContainers?.find(({ name }) => name === before.name)
    const existing = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`
    if (now === undefined) return [forbidden(path, `${existing} removed\n`)]
    return isDeepStrictEqual(now, before) ? [] : [forbidden(path, `${existing} changed\n`)]
  })
}

function forbiddenFields(container: EphemeralContainer, path: string): readonly FieldError[] {
  return Object.entries(container)
    .filter(([field, value]) => !ALLOWED.has(field) && !saysNothing(value))
    .map(([field]) => forbidden(`${path}.${field}`, NOT_HERE))
}

function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function subPaths({ volumeMounts = [] }: EphemeralContainer, path: string): readonly FieldError[] {
  return volumeMounts.flatMap((mount, index) =>
    (['subPath', 'subPathExpr'] as const).flatMap((field) =>
      mount[field] ? [forbidden(`${path}.volumeMounts[${index}].${field}`, NOT_HERE)] : [],
    ),
  )
}

function missingTarget(field: string, value: string): FieldError {
  return { type: 'NotFound', field, value, detail: '' }
}
