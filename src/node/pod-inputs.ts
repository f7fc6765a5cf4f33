import { allContainers } from '../kube/all-containers.ts'
import { isNotFound } from '../kube/api-error.ts'
import type { Client } from '../kube/client.ts'
import { configMaps, secrets } from '../kube/resource.ts'
import type { ConfigMap, Pod, Secret } from '../kube/types/core.ts'

/** The ConfigMaps and Secrets that a pod names, as far as they exist. */
export interface PodInputs {
  readonly configMaps: ReadonlyMap<string, ConfigMap>
  readonly secrets: ReadonlyMap<string, Secret>
}

export const NO_INPUTS: PodInputs = { configMaps: new Map(), secrets: new Map() }

/** Names in what `envFrom` and `volumes` hold, which upstream has as open unions. */
interface NamedSource {
  readonly configMapRef?: { readonly name: string }
  readonly secretRef?: { readonly name: string }
  readonly configMap?: { readonly name: string }
  readonly secret?: { readonly secretName?: string; readonly name?: string }
  readonly projected?: { readonly sources?: readonly NamedSource[] }
}

/** The names of ConfigMaps and Secrets that any container or volume of the pod refers to. */
export function inputNames(pod: Pod): { readonly configMaps: readonly string[]; readonly secrets: readonly string[] } {
  const containers = allContainers(pod.spec)
  const values = containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom ?? {}))
  const sources: readonly NamedSource[] = [
    ...containers.flatMap(({ envFrom = [] }) => envFrom as readonly NamedSource[]),
    ...((pod.spec.volumes ?? []) as readonly NamedSource[]).flatMap((volume) => [
      volume,
      ...(volume.projected?.sources ?? []),
    ]),
  ]
  const maps = [
    ...values.map(({ configMapKeyRef }) => configMapKeyRef?.name),
    ...sources.map(({ configMapRef, configMap }) => configMapRef?.name ?? configMap?.name),
  ]
  const secretNames = [
    ...values.map(({ secretKeyRef }) => secretKeyRef?.name),
    ...sources.map(({ secretRef, secret }) => secretRef?.name ?? secret?.secretName ?? secret?.name),
  ]
  return { configMaps: distinct(maps), secrets: distinct(secretNames) }
}

/** Reads them from the API. What does not exist is left out; a failure to read is thrown. */
export async function loadInputs(client: Client, pod: Pod): Promise<PodInputs> {
  const names = inputNames(pod)
  const namespace = pod.metadata.namespace ?? 'default'
  const [maps, found] = await Promise.all([
    Promise.all(names.configMaps.map((name) => ifFound(client.get(configMaps, { namespace, name })))),
    Promise.all(names.secrets.map((name) => ifFound(client.get(secrets, { namespace, name })))),
  ])
  return { configMaps: byName(maps), secrets: byName(found) }
}

async function ifFound<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function byName<T extends ConfigMap | Secret>(objects: readonly (T | undefined)[]): Map<string, T> {
  return new Map(objects.flatMap((object) => (object === undefined ? [] : [[object.metadata.name, object] as const])))
}

function distinct(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))]
}
