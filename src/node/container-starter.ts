import { join } from 'node:path'
import { errorMessage } from '../base/error.ts'
import type { Client } from '../kube/client.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import { containerConfig } from './container-config.ts'
import { readUserFiles } from './container-user.ts'
import type { Image, Images } from './images/image.ts'
import { inputNames, loadInputs, NO_INPUTS, type PodInputs } from './pod-inputs.ts'
import type { PodSandbox, PodSandboxes } from './pod-sandbox.ts'
import { mountVolumes } from './pod-volumes.ts'
import type { HostView } from './runtime/host-view.ts'
import type { BindMount } from './runtime/oci-spec.ts'
import type { Runtime } from './runtime/runtime.ts'

export interface ContainerStarterOptions {
  readonly client: Client
  readonly runtime: Runtime
  readonly images: Images
  readonly hostView: HostView
  readonly sandboxes: PodSandboxes
  readonly nodeName: string
  readonly hostIPs: readonly string[]
  readonly podsDirectory: string
  /** Control group of the node; the pod's uid and the container's name follow. */
  readonly cgroup: string
}

export type StartResult =
  | { readonly kind: 'started'; readonly image: Image }
  /** The image cannot be had; `invalid` names none at all. */
  | { readonly kind: 'no-image'; readonly invalid: boolean; readonly message: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

/** Where a container is to start. */
export interface StartPlace {
  readonly pod: Pod
  readonly sandbox: PodSandbox
  readonly container: Container
  readonly attempt: number
}

/** From a container's object to a run: finds image and inputs, makes the volumes, and hands all to the runtime. */
export class ContainerStarter {
  readonly #options: ContainerStarterOptions

  constructor(options: ContainerStarterOptions) {
    this.#options = options
  }

  async start(place: StartPlace): Promise<StartResult> {
    const lookup = this.#options.images.resolve(place.container.image)
    if (lookup.kind !== 'found')
      return { kind: 'no-image', invalid: lookup.kind === 'invalid', message: lookup.message }
    try {
      return this.#startImage(place, lookup.image, await this.#inputs(place.pod))
    } catch (error) {
      return { kind: 'refused', reason: 'CreateContainerError', message: errorMessage(error) }
    }
  }

  #startImage(place: StartPlace, image: Image, inputs: PodInputs): StartResult {
    const { pod, sandbox, container, attempt } = place
    const { nodeName, hostIPs, runtime, cgroup, podsDirectory } = this.#options
    const uid = pod.metadata.uid ?? ''
    const volumes = mountVolumes(pod, container, inputs, join(podsDirectory, uid, 'volumes'))
    if (volumes.kind === 'refused') return { ...volumes, reason: 'CreateContainerConfigError' }
    const lower = image.root.kind === 'directory' ? image.root.path : this.#options.hostView.lower
    const made = containerConfig(pod, container, {
      image,
      inputs,
      place: { nodeName, hostIPs, podIPs: sandbox.addresses },
      userFiles: readUserFiles(lower),
      cgroup: join(cgroup, uid, container.name),
      mounts: [...this.#imageMounts(image), ...this.#options.sandboxes.mounts(uid), ...volumes.mounts],
      ...(sandbox.netns === undefined ? {} : { netns: sandbox.netns }),
    })
    if (made.kind === 'refused') return made
    runtime.start({ podUid: uid, name: container.name, attempt }, { ...made.config, lower })
    return { kind: 'started', image }
  }

  #imageMounts({ root }: Image): readonly BindMount[] {
    return root.kind === 'directory' ? [] : [...this.#options.hostView.mounts, ...root.files]
  }

  /** Most pods refer to nothing, and start without a word with the API. */
  async #inputs(pod: Pod): Promise<PodInputs> {
    const names = inputNames(pod)
    if (names.configMaps.length + names.secrets.length === 0) return NO_INPUTS
    return loadInputs(this.#options.client, pod)
  }
}
