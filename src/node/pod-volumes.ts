import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ConfigMap, Container, Pod, Secret } from '../kube/types/core.ts'
import { dataOf } from './input-data.ts'
import type { PodInputs } from './pod-inputs.ts'
import type { BindMount } from './runtime/oci-spec.ts'

/** A volume of the kinds that this version makes. */
interface Volume {
  readonly name: string
  readonly emptyDir?: object
  readonly configMap?: FileSource & { readonly name: string }
  readonly secret?: FileSource & { readonly secretName: string }
}

interface FileSource {
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[]
  readonly defaultMode?: number
  readonly optional?: boolean
}

export interface VolumeFile {
  readonly path: string
  readonly data: Buffer
  readonly mode: number
}

/** What must be there for a volume: a directory that is kept, or files that are written. */
export type VolumePlan =
  | { readonly kind: 'empty' }
  | { readonly kind: 'files'; readonly files: readonly VolumeFile[] }
  | { readonly kind: 'refused'; readonly message: string }

const DEFAULT_MODE = 0o644

/** What a volume holds, from its object and what it refers to. */
export function planVolume(volume: Volume, inputs: PodInputs): VolumePlan {
  if (volume.emptyDir !== undefined) return { kind: 'empty' }
  if (volume.configMap !== undefined) {
    return planFiles(
      `configmap "${volume.configMap.name}"`,
      volume.configMap,
      inputs.configMaps.get(volume.configMap.name),
    )
  }
  if (volume.secret !== undefined) {
    return planFiles(
      `secret "${volume.secret.secretName}"`,
      volume.secret,
      inputs.secrets.get(volume.secret.secretName),
    )
  }
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'without a source'
  return {
    kind: 'refused',
    message: `volume "${volume.name}" is of kind ${kind}; emptyDir, configMap and secret are supported`,
  }
}

function planFiles(what: string, source: FileSource, object: ConfigMap | Secret | undefined): VolumePlan {
  if (object === undefined) {
    return source.optional === true ? { kind: 'files', files: [] } : { kind: 'refused', message: `${what} not found` }
  }
  const data = dataOf(object)
  const items = source.items ?? [...data.keys()].map((key) => ({ key, path: key }))
  const files: VolumeFile[] = []
  for (const item of items) {
    const content = data.get(item.key)
    if (content === undefined && source.optional !== true) {
      return { kind: 'refused', message: `${what} references non-existent key: ${item.key}` }
    }
    if (!isInside(item.path))
      return { kind: 'refused', message: `${what}: path "${item.path}" leads out of the volume` }
    const mode = ('mode' in item ? item.mode : undefined) ?? source.defaultMode ?? DEFAULT_MODE
    if (content !== undefined) files.push({ path: item.path, data: content, mode })
  }
  return { kind: 'files', files }
}

function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..')
}

export type VolumeMounts =
  | { readonly kind: 'mounts'; readonly mounts: readonly BindMount[] }
  | { readonly kind: 'refused'; readonly message: string }

/** Makes the volumes that a container mounts, below `directory`, and says how they are mounted. */
export function mountVolumes(pod: Pod, container: Container, inputs: PodInputs, directory: string): VolumeMounts {
  const mounts: BindMount[] = []
  for (const { name, mountPath, subPath, readOnly } of container.volumeMounts ?? []) {
    const volume = (pod.spec.volumes ?? []).find((candidate) => candidate.name === name)
    if (volume === undefined) return { kind: 'refused', message: `volume "${name}" of a mount is not one of the pod's` }
    if (subPath !== undefined && subPath !== '' && !isInside(subPath)) {
      return { kind: 'refused', message: `subPath "${subPath}" leads out of volume "${name}"` }
    }
    const plan = planVolume(volume, inputs)
    if (plan.kind === 'refused') return plan
    const place = join(directory, name)
    makeVolume(place, plan)
    const source = subPath ? join(place, subPath) : place
    if (subPath && plan.kind === 'empty') mkdirSync(source, { recursive: true })
    mounts.push({ source, destination: mountPath, readOnly: readOnly === true || plan.kind === 'files' })
  }
  return { kind: 'mounts', mounts }
}

function makeVolume(place: string, plan: Exclude<VolumePlan, { kind: 'refused' }>): void {
  // World-writable as upstream makes it: containers run as whom they like.
  mkdirSync(place, { recursive: true })
  if (plan.kind === 'empty') chmodSync(place, 0o777)
  if (plan.kind === 'empty') return
  for (const { path, data, mode } of plan.files) {
    const file = join(place, path)
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true })
    writeFileSync(file, data, { mode })
  }
}
