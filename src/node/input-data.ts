import type { ConfigMap, EnvVar, Pod, Secret } from '../kube/types/core.ts'
import { type EnvValue, type PodPlace, podField } from './container-env.ts'
import { resourceField } from './container-resources.ts'
import type { PodInputs } from './pod-inputs.ts'

/** The bytes under each key of a ConfigMap or Secret. */
export function dataOf(object: ConfigMap | Secret): ReadonlyMap<string, Buffer> {
  const isSecret = object.kind === 'Secret'
  const text = Object.entries(object.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, isSecret ? 'base64' : 'utf8')] as const,
  )
  const binary = Object.entries('binaryData' in object ? (object.binaryData ?? {}) : {})
  return new Map([...text, ...binary.map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)])
}

/** Whose variable it is, and what its value may come from. */
export interface EnvPlace {
  readonly pod: Pod
  readonly container: string
  readonly inputs: PodInputs
  readonly place: PodPlace
}

/** The value of a variable that has a source (core/v1 EnvVarSource). */
export function envValue(variable: EnvVar, { pod, container, inputs, place }: EnvPlace): EnvValue {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {}
  if (fieldRef !== undefined) {
    const value = podField(pod, fieldRef.fieldPath, place)
    if (value !== undefined) return { kind: 'value', value }
    return { kind: 'refused', message: `unsupported fieldPath: ${fieldRef.fieldPath} of variable ${variable.name}` }
  }
  if (resourceFieldRef !== undefined) {
    return resourceField(pod, resourceFieldRef, { container, capacity: place.capacity })
  }
  if (configMapKeyRef !== undefined) return keyValue(at(pod, 'ConfigMap'), configMapKeyRef, inputs.configMaps)
  if (secretKeyRef !== undefined) return keyValue(at(pod, 'Secret'), secretKeyRef, inputs.secrets)
  return { kind: 'refused', message: `variable ${variable.name} has a source that is not supported` }
}

interface KeyRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

interface KeyHolder {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string | undefined
}

function at({ metadata }: Pod, kind: KeyHolder['kind']): KeyHolder {
  return { kind, namespace: metadata.namespace }
}

function keyValue(
  { kind, namespace }: KeyHolder,
  ref: KeyRef,
  objects: ReadonlyMap<string, ConfigMap | Secret>,
): EnvValue {
  const object = objects.get(ref.name)
  const data = object === undefined ? undefined : dataOf(object).get(ref.key)
  if (data !== undefined) return { kind: 'value', value: data.toString('utf8') }
  if (ref.optional === true) return { kind: 'absent' }
  if (object === undefined) return { kind: 'refused', message: `${kind.toLowerCase()} "${ref.name}" not found` }
  return { kind: 'refused', message: `couldn't find key ${ref.key} in ${kind} ${namespace}/${ref.name}` }
}

interface EnvFrom {
  readonly prefix?: string
  readonly configMapRef?: { readonly name: string; readonly optional?: boolean }
  readonly secretRef?: { readonly name: string; readonly optional?: boolean }
}

/** All variables that `envFrom` brings, or why one of its objects cannot be had. */
export function envFromValues(
  sources: readonly Readonly<Record<string, unknown>>[],
  inputs: PodInputs,
):
  | { readonly kind: 'env'; readonly env: Map<string, string> }
  | { readonly kind: 'refused'; readonly message: string } {
  const env = new Map<string, string>()
  for (const source of sources as readonly EnvFrom[]) {
    const ref = source.configMapRef ?? source.secretRef
    const kind = source.configMapRef === undefined ? 'secret' : 'configmap'
    const object = (kind === 'secret' ? inputs.secrets : inputs.configMaps).get(ref?.name ?? '')
    if (object === undefined && ref?.optional !== true)
      return { kind: 'refused', message: `${kind} "${ref?.name}" not found` }
    if (object === undefined) continue
    for (const [key, value] of dataOf(object)) env.set(`${source.prefix ?? ''}${key}`, value.toString('utf8'))
  }
  return { kind: 'env', env }
}
