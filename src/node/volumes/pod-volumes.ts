import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error.ts'
import type { Client } from '../../kube/client.ts'
import type { Container, Pod } from '../../kube/types/core.ts'
import type { PodPlace } from '../container-env.ts'
import { inputNames, loadInputs, NO_INPUTS, type PodInputs } from '../pod-inputs.ts'
import { writeFilesAtomically } from './atomic-files.ts'
import { hostPathProblem } from './host-path.ts'
import { PodTokens } from './pod-tokens.ts'
import { groupOf, holdsFiles, type Volume } from './volume.ts'
import { type FileInputs, volumeFiles } from './volume-files.ts'
import { type MountPlace, type VolumeMounts, volumeMounts } from './volume-mounts.ts'

export interface PodVolumesOptions {
  readonly client: Client
  readonly podsDirectory: string
  readonly clock: Clock
}

export type PreparedVolumes =
  /** What the pod refers to, for its variables. */
  { readonly kind: 'ready'; readonly inputs: PodInputs } | { readonly kind: 'refused'; readonly message: string }

/** Makes the volumes of a node's pods, and keeps the files in them as what they come from. */
export class PodVolumes {
  readonly #options: PodVolumesOptions
  readonly #tokens: PodTokens
  readonly #preparing = new Map<string, Promise<PreparedVolumes>>()
  #stamp = 0

  constructor(options: PodVolumesOptions) {
    this.#options = options
    this.#tokens = new PodTokens(options.client, options.clock)
  }

  /** Makes all volumes of a pod, or brings them up to date. Containers that start together ask once. */
  prepare(pod: Pod, place: PodPlace): Promise<PreparedVolumes> {
    const uid = pod.metadata.uid ?? ''
    const running = this.#preparing.get(uid)
    if (running !== undefined) return running
    const made = this.#prepare(pod, place).finally(() => this.#preparing.delete(uid))
    this.#preparing.set(uid, made)
    return made
  }

  /** How a container sees the volumes that were made. */
  mounts(pod: Pod, container: Container, seen: Omit<MountPlace, 'directory'>): VolumeMounts {
    return volumeMounts(pod, container, { directory: this.directory(pod), ...seen })
  }

  /** Where a pod's own volumes are, one directory each. */
  directory({ metadata }: Pod): string {
    return join(this.#options.podsDirectory, metadata.uid ?? '', 'volumes')
  }

  forget(uid: string): void {
    this.#tokens.forget(uid)
  }

  async #prepare(pod: Pod, place: PodPlace): Promise<PreparedVolumes> {
    try {
      // Most pods refer to nothing, and start without a word with the API.
      const [inputs, tokens] = await Promise.all([this.#inputs(pod), this.#tokens.tokens(pod)])
      for (const volume of (pod.spec.volumes ?? []) as readonly Volume[]) {
        const problem = this.#make(volume, { pod, inputs, place, tokens })
        if (problem === undefined) continue
        return { kind: 'refused', message: `MountVolume.SetUp failed for volume "${volume.name}" : ${problem}` }
      }
      return { kind: 'ready', inputs }
    } catch (error) {
      return { kind: 'refused', message: `MountVolume.SetUp failed : ${errorMessage(error)}` }
    }
  }

  async #inputs(pod: Pod): Promise<PodInputs> {
    const names = inputNames(pod)
    if (names.configMaps.length + names.secrets.length === 0) return NO_INPUTS
    return loadInputs(this.#options.client, pod)
  }

  #make(volume: Volume, from: FileInputs): string | undefined {
    const gid = groupOf(from.pod)
    const directory = join(this.directory(from.pod), volume.name)
    if (volume.hostPath !== undefined) return hostPathProblem(volume.hostPath)
    if (volume.emptyDir !== undefined) return makeEmpty(directory, gid)
    if (!holdsFiles(volume)) {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'without a source'
      return `this node has no volumes of kind ${kind}; emptyDir, hostPath, configMap, secret, downwardAPI and projected are supported`
    }
    const found = volumeFiles(volume, from)
    if (found.kind === 'refused') return found.message
    const stamp = `${this.#options.clock.now()}_${this.#stamp++}`
    writeFilesAtomically(directory, found.files, { stamp, ...(gid === undefined ? {} : { gid }) })
    return undefined
  }
}

/** Whether a pod has files of ours, which may change. */
export function hasChangingVolumes(pod: Pod): boolean {
  return ((pod.spec.volumes ?? []) as readonly Volume[]).some(holdsFiles)
}

/** World-writable, since containers run as whom they like; what is written belongs to the pod's group if it has one. */
function makeEmpty(directory: string, gid: number | undefined): undefined {
  mkdirSync(directory, { recursive: true })
  if (gid !== undefined) chownSync(directory, 0, gid)
  chmodSync(directory, gid === undefined ? 0o777 : 0o2777)
}
