import { dirname, join } from 'node:path'
import { errorMessage } from '../base/error.ts'
import type { Container, EphemeralContainer, Pod, Service } from '../kube/types/core.ts'
import { grantableCapabilities } from '../linux/capabilities.ts'
import { type ContainerSurroundings, containerConfig, containerVariables } from './container-config.ts'
import { enforceableLimits, type LimitController } from './container-resources.ts'
import { readUserFiles } from './container-user.ts'
import type { Image, Images } from './images/image.ts'
import type { PodInputs } from './pod-inputs.ts'
import type { PodSandbox, PodSandboxes } from './pod-sandbox.ts'
import { podShare } from './pod-share.ts'
import type { HostView } from './runtime/host-view.ts'
import type { BindMount } from './runtime/oci-spec.ts'
import { holderView, holdPod, type PodHolder } from './runtime/pod-holder.ts'
import type { ContainerRecord, Runtime } from './runtime/runtime.ts'
import type { PodVolumes } from './volumes/pod-volumes.ts'

export interface ContainerStarterOptions {
  readonly volumes: PodVolumes
  /** The Services of the cluster, once they are known. */
  readonly services: () => Promise<readonly Service[]>
  readonly clusterDomain: string
  readonly capacity: Readonly<Record<string, string>>
  readonly runtime: Runtime
  readonly images: Images
  readonly hostView: HostView
  readonly sandboxes: PodSandboxes
  readonly nodeName: string
  readonly hostIPs: readonly string[]
  /** Control group of the node; the pod's uid, the container's name and the attempt follow. */
  readonly cgroup: string
  /** What the machine has no controller of control groups for. */
  readonly missingControllers: readonly LimitController[]
}

export type StartResult =
  | {
      readonly kind: 'started'
      readonly image: Image
      /** Of which of its limits nothing keeps it. */
      readonly unenforced: readonly LimitController[]
    }
  /** The image cannot be had; `invalid` names none at all. */
  | { readonly kind: 'no-image'; readonly invalid: boolean; readonly message: string }
  /** A volume cannot be made, or not yet. */
  | { readonly kind: 'no-volumes'; readonly message: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

/** Where a container is to start. */
export interface StartPlace {
  readonly pod: Pod
  readonly sandbox: PodSandbox
  readonly container: Container
  readonly attempt: number
}

interface Found {
  readonly inputs: PodInputs
  readonly services: readonly Service[]
}

/** From a container's object to a run: finds image and inputs, makes the volumes, and hands all to the runtime. */
export class ContainerStarter {
  readonly #options: ContainerStarterOptions
  readonly #grantable = grantableCapabilities()

  constructor(options: ContainerStarterOptions) {
    this.#options = options
  }

  async start(place: StartPlace): Promise<StartResult> {
    const lookup = this.#options.images.resolve(place.container.image)
    if (lookup.kind !== 'found')
      return { kind: 'no-image', invalid: lookup.kind === 'invalid', message: lookup.message }
    try {
      const [volumes, services] = await Promise.all([this.prepare(place), this.#options.services()])
      if (volumes.kind === 'refused') return { ...volumes, kind: 'no-volumes' }
      return this.#startImage(place, lookup.image, { inputs: volumes.inputs, services })
    } catch (error) {
      return { kind: 'refused', reason: 'CreateContainerError', message: errorMessage(error) }
    }
  }

  /** Makes the pod's volumes, or brings them up to date. */
  prepare({ pod, sandbox }: Pick<StartPlace, 'pod' | 'sandbox'>) {
    return this.#options.volumes.prepare(pod, this.#placeOf(sandbox))
  }

  #placeOf(sandbox: PodSandbox) {
    const { nodeName, hostIPs, capacity } = this.#options
    return { nodeName, hostIPs, capacity, podIPs: sandbox.addresses }
  }

  #startImage(place: StartPlace, image: Image, { inputs, services }: Found): StartResult {
    const { pod, sandbox, container, attempt } = place
    const { runtime, cgroup, clusterDomain } = this.#options
    const uid = pod.metadata.uid ?? ''
    const lower = image.root.kind === 'directory' ? image.root.path : this.#options.hostView.lower
    const around: ContainerSurroundings = {
      image,
      inputs,
      services,
      clusterDomain,
      grantable: this.#grantable,
      place: this.#placeOf(sandbox),
      userFiles: readUserFiles(lower),
      cgroup: join(cgroup, uid, container.name, String(attempt)),
      mounts: [...this.#imageMounts(image), ...this.#options.sandboxes.mounts(uid)],
      ...(sandbox.netns === undefined ? {} : { netns: sandbox.netns }),
    }
    const env = containerVariables(pod, container, around)
    if (env.kind === 'refused') return { ...env, reason: 'CreateContainerConfigError' }
    const holder = this.#hold(pod)
    const volumes = this.#options.volumes.mounts(pod, container, { env: env.env, view: holderView(holder) })
    if (volumes.kind === 'refused') return { ...volumes, reason: 'CreateContainerConfigError' }
    const made = containerConfig(pod, container, { ...around, mounts: [...around.mounts, ...volumes.mounts] })
    if (made.kind === 'refused') return made
    const { limits: wanted, ...config } = made.config
    const { limits, dropped } = enforceableLimits(wanted, this.#options.missingControllers)
    const limited = limits === undefined ? config : { ...config, limits }
    const target = targetOf(container, runtime.containers(uid))
    if (target.kind === 'refused') return target
    const shared = { ...limited, ...(holder === undefined ? {} : { holder }), ...target.namespace }
    runtime.start({ podUid: uid, name: container.name, attempt }, { ...shared, lower })
    return { kind: 'started', image, unenforced: dropped }
  }

  /** Keeps what the pod's containers share, where they share more than directories and a network. */
  #hold(pod: Pod): PodHolder | undefined {
    const { volumes, capacity } = this.#options
    const directory = volumes.directory(pod)
    const share = podShare(pod, { directory, memory: capacity.memory ?? '0' })
    return share === undefined ? undefined : holdPod(dirname(directory), share)
  }

  #imageMounts({ root }: Image): readonly BindMount[] {
    return root.kind === 'directory' ? [] : [...this.#options.hostView.mounts, ...root.files]
  }
}

type Target =
  | { readonly kind: 'target'; readonly namespace: { readonly processesOf?: number } }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

/** The first process of the container that one which was added to the pod is to look into. */
function targetOf(container: EphemeralContainer, runs: readonly ContainerRecord[]): Target {
  const { targetContainerName: name } = container
  if (!name) return { kind: 'target', namespace: {} }
  const state = runs.findLast((run) => run.name === name && run.state.kind === 'running')?.state
  if (state?.kind === 'running') return { kind: 'target', namespace: { processesOf: state.pid } }
  const message = `unable to find target container "${name}": it does not run`
  return { kind: 'refused', reason: 'CreateContainerError', message }
}
