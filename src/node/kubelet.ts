import { mkdirSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { createEventRecorder, type EventRecorder } from '../kube/event-recorder.ts'
import { Informer } from '../kube/informer.ts'
import { podRequests } from '../kube/pod-requests.ts'
import { parseQuantities } from '../kube/quantities.ts'
import { pods, runtimeClasses, services } from '../kube/resource.ts'
import type { Node, NodeAddress, Pod, Service } from '../kube/types/core.ts'
import { cgroupControllers } from '../linux/cgroup.ts'
import type { PodNetwork } from '../network/pod-network.ts'
import { missingControllers } from './container-resources.ts'
import { ContainerStarter } from './container-starter.ts'
import { HostPorts } from './host-ports/host-ports.ts'
import type { Images } from './images/image.ts'
import { type ClusterDirectories, nodeCgroup, nodeDirectories } from './node-directories.ts'
import { NodeHeartbeat } from './node-heartbeat.ts'
import { nodeCapacity } from './node-status.ts'
import { createPodApi } from './pod-api.ts'
import { PodEvents } from './pod-events.ts'
import type { ClusterDns } from './pod-files.ts'
import { PodSandboxes } from './pod-sandbox.ts'
import { PodWorker, type PodWorkerSurroundings } from './pod-worker.ts'
import type { NodeRoom } from './resize/decide-resize.ts'
import { createHostView } from './runtime/host-view.ts'
import type { Runtime } from './runtime/runtime.ts'
import type { NodePods } from './server/node-pods.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'

export interface KubeletOptions {
  readonly client: Client
  readonly nodeName: string
  readonly clusterName: string
  /** The node's own; see `registerNode`. */
  readonly addresses: readonly NodeAddress[]
  readonly network: PodNetwork
  readonly images: Images
  /** Disposed with the kubelet; its containers go on. */
  readonly runtime: Runtime
  readonly clusterDns: ClusterDns
  /** How long the node's lease lasts, which is renewed four times in that; a kubelet's `nodeLeaseDurationSeconds`. @default 40_000 */
  readonly leaseMs?: number
  readonly directories: ClusterDirectories
  readonly log: Log
  readonly clock: Clock
}

export interface Kubelet extends AsyncDisposable {
  /** Resolves when the node's pods are known and those from before were taken over. */
  readonly synced: Promise<void>
  /** What runs here, for the node's server. */
  readonly pods: NodePods
}

/**
 * Runs the pods that are bound to this node, until disposed; pods outlive it. It must be in the node's own network
 * namespace, so that probes reach pods. The node must be registered (`registerNode`).
 */
export function startKubelet(options: KubeletOptions): Kubelet {
  return new NodeKubelet(options)
}

/** How soon a change of a ConfigMap or Secret is in a running pod, at the latest. */
const REFRESH_MS = 30_000
/** How often pods are asked how much they have written; upstream's monitoring interval of evictions. */
const USAGE_MS = 10_000

class NodeKubelet implements Kubelet {
  readonly synced: Promise<void>
  readonly pods: NodePods
  readonly #options: KubeletOptions
  readonly #around: PodWorkerSurroundings
  readonly #informer: Informer<Pod>
  readonly #services: Informer<Service>
  readonly #volumes: PodVolumes
  readonly #sandboxes: PodSandboxes
  readonly #hostPorts: HostPorts
  readonly #heartbeat: NodeHeartbeat
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  readonly #cancelRefresh: () => void
  readonly #cancelChecks: () => void
  readonly #workers = new Map<string, PodWorker>()
  readonly #missing = missingControllers(cgroupControllers())

  constructor(options: KubeletOptions) {
    this.#options = options
    const { client, nodeName, clock, log, runtime } = options
    this.#hostPorts = new HostPorts()
    this.#sandboxes = openSandboxes(options, this.#hostPorts)
    this.#sandboxes.restoreHostPorts(runtime.pods())
    this.#services = new Informer({ client, resource: services, log, clock })
    const { pods: podsDirectory } = nodeDirectories(options.directories, nodeName)
    this.#volumes = new PodVolumes({ client, podsDirectory, clock })
    const recorder = createEventRecorder({ client, component: 'kubelet', host: nodeName, clock, log })
    this.#around = this.#surroundings(recorder)
    this.#informer = new Informer({ client, resource: pods, fieldSelector: `spec.nodeName=${nodeName}`, log, clock })
    this.#informer.on({
      added: (pod) => this.#add(pod),
      updated: (pod) => {
        this.#workers.get(uidOf(pod))?.update(pod)
        this.#reviewResizes()
      },
      deleted: (pod) => this.#workers.get(uidOf(pod))?.vanish(),
    })
    runtime.onChange((uid) => this.#workers.get(uid)?.poke())
    const informers = [this.#informer.run(this.#stop.signal), this.#services.run(this.#stop.signal)]
    this.#running = Promise.all(informers)
    this.#services.synced.catch(() => undefined)
    this.#cancelRefresh = this.#repeat(REFRESH_MS, (worker) => worker.refreshVolumes())
    this.#cancelChecks = this.#repeat(USAGE_MS, (worker) => worker.checkUsage())
    this.synced = this.#informer.synced.then(() => this.#endOrphans())
    this.synced.catch(() => undefined)
    const onReady = (node: Node) => {
      recorder.event(node, 'Normal', 'NodeReady', `Node ${nodeName} status is now: NodeReady`)
    }
    this.pods = {
      runtime,
      list: () => this.#informer.list(),
      netns: (uid) => this.#sandboxes.find(uid)?.netns,
      cgroup: nodeCgroup(options.clusterName, nodeName),
    }
    this.#heartbeat = new NodeHeartbeat({ client, nodeName, leaseMs: options.leaseMs, clock, log, onReady })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelRefresh()
    this.#cancelChecks()
    this.#stop.abort()
    await this.#heartbeat[Symbol.asyncDispose]()
    await Promise.all([...this.#workers.values()].map((worker) => worker[Symbol.asyncDispose]()))
    await this.#running
    this.#options.runtime[Symbol.dispose]()
    this.#hostPorts[Symbol.dispose]()
  }

  #surroundings(recorder: EventRecorder): PodWorkerSurroundings {
    const { client, clock, log, runtime } = this.#options
    const hostIPs = hostIPsOf(this.#options)
    return {
      runtime,
      sandboxes: this.#sandboxes,
      starter: openStarter(this.#options, this.#sandboxes, { volumes: this.#volumes, services: this.#services }),
      api: createPodApi(client, { clock, log, signal: this.#stop.signal }),
      events: new PodEvents(recorder),
      hostIPs,
      clock,
      log,
      roomBeside: (uid) => this.#roomBeside(uid),
      podsBeside: (uid) => this.#podsBeside(uid),
      volumesOf: (pod) => this.#volumes.directory(pod),
      onGone: (uid) => {
        this.#workers.delete(uid)
        this.#volumes.forget(uid)
        this.#reviewResizes()
      },
    }
  }

  /** Does something for one pod after the other, from time to time; returns how to end that. */
  #repeat(periodMs: number, work: (worker: PodWorker) => Promise<void>): () => void {
    const { clock, log } = this.#options
    let cancel = () => {}
    const schedule = () => {
      cancel = clock.after(periodMs, () => {
        void this.#forEach(work)
          .catch((error: unknown) => log.warn({ err: error }, 'Volumes not looked after, trying again'))
          .finally(() => (this.#stop.signal.aborted ? undefined : schedule()))
      })
    }
    schedule()
    return () => cancel()
  }

  async #forEach(work: (worker: PodWorker) => Promise<void>): Promise<void> {
    for (const worker of [...this.#workers.values()]) {
      if (this.#stop.signal.aborted) return
      await work(worker)
    }
  }

  #roomBeside(uid: string): NodeRoom {
    const used: Record<string, number> = {}
    for (const [other, { allocated }] of this.#workers) {
      const phase = allocated.status?.phase
      if (other === uid || phase === 'Succeeded' || phase === 'Failed') continue
      const { status: _, ...pod } = allocated
      for (const [name, amount] of Object.entries(podRequests(pod))) used[name] = (used[name] ?? 0) + amount
    }
    return { capacity: parseQuantities(nodeCapacity()), used, missing: this.#missing }
  }

  #podsBeside(uid: string): readonly Pod[] {
    return [...this.#workers].flatMap(([other, worker]) =>
      other !== uid && worker.holdsPorts ? [worker.allocated] : [],
    )
  }

  /** Pods that wait for others to take less. */
  #reviewResizes(): void {
    for (const worker of this.#workers.values()) worker.reviewResize()
  }

  #add(pod: Pod): void {
    const uid = uidOf(pod)
    if (!this.#workers.has(uid)) this.#workers.set(uid, new PodWorker(pod, this.#around))
  }

  /** Pods that were deleted while no agent watched over them. */
  async #endOrphans(): Promise<void> {
    const { runtime, network, log } = this.#options
    for (const uid of runtime.pods()) {
      if (this.#workers.has(uid)) continue
      const pod = this.#sandboxes.remembered(uid)
      log.info({ uid, object: pod?.metadata.name }, 'Pod was deleted while the agent was away')
      if (pod === undefined) {
        await runtime.removePod(uid)
        await this.#sandboxes.remove(uid)
        continue
      }
      this.#add(pod)
      this.#workers.get(uid)?.vanish()
    }
    network.retain(new Set(this.#workers.keys()))
  }
}

function openSandboxes(options: KubeletOptions, hostPorts: HostPorts): PodSandboxes {
  const { client, clusterName, network, clusterDns, directories, nodeName } = options
  const { pods: podsDirectory } = nodeDirectories(directories, nodeName)
  mkdirSync(podsDirectory, { recursive: true, mode: 0o755 })
  return new PodSandboxes({
    clusterName,
    nodeName,
    network,
    hostPorts,
    dns: clusterDns,
    runtimeHandler: async (name) => (await client.get(runtimeClasses, { name })).handler,
    podsDirectory,
    hostIPs: hostIPsOf(options),
  })
}

interface StarterNeeds {
  readonly volumes: PodVolumes
  readonly services: Informer<Service>
}

function openStarter(
  options: KubeletOptions,
  sandboxes: PodSandboxes,
  { volumes, services: known }: StarterNeeds,
): ContainerStarter {
  const { runtime, images, nodeName, clusterName, clusterDns, directories } = options
  const places = nodeDirectories(directories, nodeName)
  return new ContainerStarter({
    volumes,
    services: async () => {
      await known.synced
      return known.list()
    },
    clusterDomain: clusterDns.domain,
    capacity: nodeCapacity(),
    runtime,
    images,
    sandboxes,
    nodeName,
    hostIPs: hostIPsOf(options),
    hostView: createHostView(places.hostView),
    cgroup: nodeCgroup(clusterName, nodeName),
    missingControllers: missingControllers(cgroupControllers()),
  })
}

function hostIPsOf({ addresses }: KubeletOptions): readonly string[] {
  return addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? ''
}
