import { allContainers } from '../../kube/all-containers.ts'
import type { ConfigMap, Pod, Secret } from '../../kube/types/core.ts'
import { type PodPlace, podField } from '../container-env.ts'
import { resourceField } from '../container-resources.ts'
import { dataOf } from '../input-data.ts'
import type { PodInputs } from '../pod-inputs.ts'
import type { DownwardItem, FileSources, KeySource, TokenSource, Volume } from './volume.ts'

export interface VolumeFile {
  /** Below the volume; no part of it is `..`. */
  readonly path: string
  readonly data: Buffer
  readonly mode: number
  /** Who owns it; root when left out. */
  readonly uid?: number
}

/** What the files of a pod's volumes are made from. */
export interface FileInputs {
  readonly pod: Pod
  readonly inputs: PodInputs
  readonly place: PodPlace
  /** By {@link tokenKey}. */
  readonly tokens: ReadonlyMap<string, string>
}

export type VolumeFiles =
  | { readonly kind: 'files'; readonly files: readonly VolumeFile[] }
  | { readonly kind: 'refused'; readonly message: string }

const DEFAULT_MODE = 0o644

/** The files of a volume, from its object and what it refers to; a later source covers an earlier one. */
export function volumeFiles(volume: Volume, from: FileInputs): VolumeFiles {
  const sources = volume.projected?.sources ?? [volume]
  const files = new Map<string, VolumeFile>()
  for (const source of sources) {
    const found = sourceFiles(source, from, volume.projected?.defaultMode)
    if (found.kind === 'refused') return found
    for (const file of found.files) files.set(file.path, file)
  }
  const outside = [...files.keys()].find((path) => !isInside(path))
  if (outside !== undefined) return { kind: 'refused', message: `path "${outside}" leads out of the volume` }
  return { kind: 'files', files: [...files.values()] }
}

/** One token for each audience and lifetime that a pod asks for. */
export function tokenKey({ audience = '', expirationSeconds = 3600 }: TokenSource): string {
  return `${expirationSeconds}/${audience}`
}

/** The tokens that a pod's volumes ask for. */
export function tokenSources(pod: Pod): readonly TokenSource[] {
  const volumes = (pod.spec.volumes ?? []) as readonly Volume[]
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? [])
  return sources.flatMap(({ serviceAccountToken }) => serviceAccountToken ?? [])
}

function sourceFiles(source: FileSources, from: FileInputs, projectedMode: number | undefined): VolumeFiles {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source
  if (configMap !== undefined) {
    const name = configMap.name ?? ''
    return keyFiles(`configmap "${name}"`, modeOf(configMap, projectedMode), from.inputs.configMaps.get(name))
  }
  if (secret !== undefined) {
    const name = secret.secretName ?? secret.name ?? ''
    return keyFiles(`secret "${name}"`, modeOf(secret, projectedMode), from.inputs.secrets.get(name))
  }
  if (downwardAPI !== undefined) {
    const mode = projectedMode ?? downwardAPI.defaultMode ?? DEFAULT_MODE
    return downwardFiles(downwardAPI.items ?? [], from, mode)
  }
  if (serviceAccountToken !== undefined) return tokenFile(serviceAccountToken, from, projectedMode ?? DEFAULT_MODE)
  return { kind: 'files', files: [] }
}

function modeOf(source: KeySource, projectedMode: number | undefined): KeySource {
  return { ...source, defaultMode: projectedMode ?? source.defaultMode ?? DEFAULT_MODE }
}

function keyFiles(what: string, source: KeySource, object: ConfigMap | Secret | undefined): VolumeFiles {
  if (object === undefined) {
    return source.optional === true ? { kind: 'files', files: [] } : { kind: 'refused', message: `${what} not found` }
  }
  const data = dataOf(object)
  const items: NonNullable<KeySource['items']> = source.items ?? [...data.keys()].map((key) => ({ key, path: key }))
  const files: VolumeFile[] = []
  for (const { key, path, mode = source.defaultMode ?? DEFAULT_MODE } of items) {
    const content = data.get(key)
    if (content !== undefined) files.push({ path, data: content, mode })
    else if (source.optional !== true)
      return { kind: 'refused', message: `references non-existent ${keyWord(what)}: ${key}` }
  }
  return { kind: 'files', files }
}

function keyWord(what: string): string {
  return what.startsWith('secret') ? 'secret key' : 'config key'
}

function downwardFiles(items: readonly DownwardItem[], { pod, place }: FileInputs, defaultMode: number): VolumeFiles {
  const files: VolumeFile[] = []
  for (const { path, mode = defaultMode, fieldRef, resourceFieldRef } of items) {
    const value =
      resourceFieldRef === undefined
        ? fieldValue(pod, fieldRef?.fieldPath ?? '', place)
        : resourceField(pod, resourceFieldRef, { capacity: place.capacity })
    if (value.kind === 'refused') return value
    files.push({ path, data: Buffer.from(value.value), mode })
  }
  return { kind: 'files', files }
}

function fieldValue(pod: Pod, path: string, place: PodPlace) {
  const value = podField(pod, path, place)
  return value === undefined
    ? ({ kind: 'refused', message: `unsupported fieldPath: ${path}` } as const)
    : ({ kind: 'value', value } as const)
}

/** Where the pod says who it is, only it may read its token; else every user of the container may (upstream KEP 1205). */
function tokenFile(source: TokenSource, { pod, tokens }: FileInputs, defaultMode: number): VolumeFiles {
  const token = tokens.get(tokenKey(source))
  if (token === undefined) return { kind: 'refused', message: `no token for "${source.path}"` }
  const uid = onlyUser(pod)
  const hasGroup = pod.spec.securityContext?.fsGroup !== undefined
  const mode = uid !== undefined || hasGroup ? 0o600 : defaultMode
  const owner = uid === undefined ? {} : { uid }
  return { kind: 'files', files: [{ path: source.path, data: Buffer.from(token), mode, ...owner }] }
}

/** The user of all containers, if they say so and are the same. */
function onlyUser({ spec }: Pod): number | undefined {
  const users = allContainers(spec).map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  )
  const [first] = users
  return typeof first === 'number' && users.every((user) => user === first) ? first : undefined
}

function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..')
}
