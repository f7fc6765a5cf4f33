import { aborted } from '../../base/aborted.ts'
import type { Clock } from '../../base/clock.ts'
import { type Cidr, formatCidr, requireCidr } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import { Informer } from '../../kube/informer.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import type { PodAttachment, PodIdentity, PodNetwork } from '../pod-network.ts'
import { HostLocalIpam } from './ipam.ts'
import { type Announcement, type Lease, leaseAnnotations, leaseOf } from './lease.ts'
import { ensureMasquerade } from './masquerade.ts'
import { Overlay } from './overlay.ts'
import { PodBridge } from './pod-bridge.ts'
import { addressOf, findUnderlay, prepareNode } from './underlay.ts'

/** What the outer headers take: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8. */
const OVERHEAD = { 4: 50, 6: 70 } as const
const RETRY_MS = 1000

export interface FlannelOptions {
  readonly client: Client
  readonly nodeName: string
  /** The node's own address: the end of the tunnels to it. */
  readonly nodeAddress: string
  /** Its address of the other family, when pods have both. */
  readonly nodeAddress6?: string | undefined
  /** Ranges of the node's own pods, `spec.podCIDRs` of its Node: one per address family. */
  readonly podCidrs: readonly string[]
  /** Ranges of all pods of the cluster. Traffic from them to elsewhere is masqueraded. */
  readonly clusterCidrs: readonly string[]
  /** Path of the node's namespace; the caller's own when left out. */
  readonly netns?: string | undefined
  /** Where the addresses of pods are kept. */
  readonly stateDirectory: string
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** A running informer of all Nodes; one of its own when left out. */
  readonly nodes?: Informer<Node>
}

/** A node's pod network that reaches other nodes over VXLAN. */
export interface Flannel extends PodNetwork {
  /** Resolves when peers know this node, and this node the peers that were there; rejects when stopped before. */
  readonly ready: Promise<void>
}

/**
 * Connects this node's pods among themselves and with those of other nodes, the way Flannel does: what is there already
 * is taken over and nothing is flushed. Returns when pods can be attached; peers follow by watching Nodes.
 *
 * @throws FairleadError `INVALID_INPUT`, `KERNEL_REFUSED`, `KERNEL_FEATURE`
 */
export function startFlannel(options: FlannelOptions): Flannel {
  const route = RouteSocket.open(options.netns)
  try {
    return new VxlanNetwork(route, options)
  } catch (error) {
    route[Symbol.dispose]()
    throw error
  }
}

class VxlanNetwork implements Flannel {
  readonly ready: Promise<void>
  readonly #options: FlannelOptions
  readonly #route: RouteSocket
  readonly #overlays: readonly Overlay[]
  readonly #bridge: PodBridge
  readonly #ipam: HostLocalIpam
  readonly #mtu: number
  readonly #annotations: Readonly<Record<string, string>>
  readonly #nodes: Informer<Node>
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #running: Promise<unknown>
  #publishing = false
  #applyPending = false
  #announced = () => {}

  constructor(route: RouteSocket, options: FlannelOptions) {
    this.#route = route
    this.#options = options
    const { client, log, clock } = options
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal])
    const cidrs = options.podCidrs.map(requireCidr)
    const underlay = findUnderlay(route, nodeAddresses(options))
    prepareNode(options.netns, underlay.names)
    this.#mtu = underlay.mtu - Math.max(...cidrs.map((cidr) => OVERHEAD[cidr.family]))
    this.#overlays = cidrs.map((cidr) => createOverlay(route, { cidr, mtu: this.#mtu, options }))
    this.#bridge = new PodBridge(route, { cidrs, mtu: this.#mtu })
    this.#ipam = new HostLocalIpam({ cidrs, directory: options.stateDirectory, log })
    for (const { family } of cidrs) {
      const cluster = options.clusterCidrs.map(requireCidr).filter((cidr) => cidr.family === family)
      ensureMasquerade(options.netns, family, cluster)
    }
    this.#annotations = leaseAnnotations(Object.fromEntries(this.#overlays.map((overlay) => this.#announce(overlay))))
    this.#nodes = options.nodes ?? new Informer({ client, log, clock, resource: nodes })
    const announced = new Promise<void>((resolve) => {
      this.#announced = resolve
    })
    this.ready = this.#untilReady(announced)
    this.ready.catch(() => {})
    this.#running = this.#start()
  }

  attach(pod: PodIdentity, netns: string): PodAttachment {
    const { addresses } = this.#ipam.reserve(pod)
    this.#bridge.plug({ uid: pod.uid, addresses, netns })
    return { addresses, gateway: this.#bridge.gateways()[0] ?? '', interfaceName: 'eth0', mtu: this.#mtu }
  }

  detach(uid: string): void {
    this.#bridge.unplug(uid)
    this.#ipam.release(uid)
  }

  retain(live: ReadonlySet<string>): void {
    for (const uid of this.#ipam.uids()) if (!live.has(uid)) this.#ipam.release(uid)
    this.#bridge.retain(this.#ipam.uids())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#route[Symbol.dispose]()
  }

  #announce(overlay: Overlay): [4 | 6, Announcement] {
    const publicIp = addressOf(nodeAddresses(this.#options), overlay.family)
    return [overlay.family, { vtepMac: overlay.mac, publicIp }]
  }

  /** Announces at once, without waiting to see the Node: it is there, since it has given us the ranges. */
  async #start(): Promise<void> {
    const off = this.#nodes.on({
      added: (node) => this.#changed(node),
      updated: (node, old) => {
        if (this.#isOwn(node) || !sameLeases(node, old)) this.#changed(node)
      },
      deleted: (node) => this.#changed(node),
    })
    const running = this.#options.nodes === undefined ? this.#nodes.run(this.#signal) : undefined
    await Promise.all([running, this.#publish()])
    await aborted(this.#signal)
    off()
  }

  async #untilReady(announced: Promise<void>): Promise<void> {
    await Promise.race([this.#nodes.synced, rejectOnAbort(this.#signal)])
    await Promise.race([announced, rejectOnAbort(this.#signal)])
    this.#apply()
  }

  #isOwn(node: Node): boolean {
    return node.metadata.name === this.#options.nodeName
  }

  #changed(node: Node): void {
    if (this.#isOwn(node)) {
      if (this.#isAnnounced(node)) this.#announced()
      else void this.#publish()
      return
    }
    if (this.#applyPending) return
    this.#applyPending = true
    // Changes that come together are applied together.
    queueMicrotask(() => {
      this.#applyPending = false
      this.#apply()
    })
  }

  #apply(): void {
    // Before the first list is complete, peers that are not in it yet would be forgotten.
    if (!this.#nodes.isSynced || this.#signal.aborted) return
    const { log, clock } = this.#options
    try {
      for (const overlay of this.#overlays) {
        const changes = overlay.apply(this.#peers(overlay.family))
        if (changes > 0) log.info({ device: overlay.device, changes }, 'Peers changed')
      }
    } catch (err) {
      log.error({ err }, 'Cannot apply the peers; will try again')
      const cancel = clock.after(RETRY_MS, () => this.#apply())
      this.#signal.addEventListener('abort', cancel, { once: true })
    }
  }

  #peers(family: 4 | 6): Lease[] {
    return this.#nodes.list().flatMap((node) => (this.#isOwn(node) ? [] : (leaseOf(node, family) ?? [])))
  }

  #isAnnounced(node: Node): boolean {
    const present = node.metadata.annotations ?? {}
    return Object.entries(this.#annotations).every(([key, value]) => present[key] === value)
  }

  /** Writes the annotations; tries again until it works or the Node, when seen again, has them. */
  async #publish(): Promise<void> {
    if (this.#publishing) return
    this.#publishing = true
    const { client, nodeName, log, clock } = this.#options
    const body = { metadata: { annotations: this.#annotations } }
    while (!this.#signal.aborted) {
      try {
        await client.patch(nodes, { name: nodeName }, { type: 'merge', body })
        this.#announced()
        break
      } catch (err) {
        log.warn({ err }, 'Cannot announce this node to its peers; will try again')
        await clock.sleep(RETRY_MS, this.#signal).catch(ignoreAbort)
      }
    }
    this.#publishing = false
  }
}

function createOverlay(
  route: RouteSocket,
  { cidr, mtu, options }: { cidr: Cidr; mtu: number; options: FlannelOptions },
): Overlay {
  const { family } = cidr
  const local = addressOf(nodeAddresses(options), family)
  return new Overlay(route, { family, local, mtu, nodeName: options.nodeName, podCidr: formatCidr(cidr) })
}

function nodeAddresses({ nodeAddress, nodeAddress6 }: FlannelOptions): string[] {
  return nodeAddress6 === undefined ? [nodeAddress] : [nodeAddress, nodeAddress6]
}

function sameLeases(a: Node, b: Node): boolean {
  return JSON.stringify([leaseOf(a, 4), leaseOf(a, 6)]) === JSON.stringify([leaseOf(b, 4), leaseOf(b, 6)])
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function ignoreAbort(): void {}
