import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { prepareNode } from '../flannel/underlay.ts'
import type { PodAttachment, PodIdentity, PodNetwork } from '../pod-network.ts'
import { AddressPool, type PooledAddress } from './address-pool.ts'
import type { InterfaceCloud } from './interface-cloud.ts'
import { PodFiles, type PodReservation } from './pod-files.ts'
import { MTU, POD_GATEWAY, PodLinks } from './pod-links.ts'
import type { PoolInterface, PoolLimits } from './pool-plan.ts'

/** How long an address rests after a pod, so that nobody who still speaks to the old pod reaches a new one. */
export const DEFAULT_COOLING_MS = 5_000
/** The longest that a pod waits for an address before it says why it has none. */
const PATIENCE_MS = 10_000
/** How often the node looks for an interface that was attached; the kernel makes it in some milliseconds. */
const LOOK_MS = 5

export interface TerwayOptions {
  readonly cloud: InterfaceCloud
  readonly limits: PoolLimits
  /** Where the addresses come from, for reasons; and its gateway. */
  readonly vSwitchId: string
  readonly gateway: string
  /** `ecs.g7.xlarge`, for reasons. */
  readonly instanceType: string
  /** Path of the node's namespace; the caller's own when left out. */
  readonly netns?: string
  /** Where it is kept which pod has which address. */
  readonly stateDirectory: string
  /** @default DEFAULT_COOLING_MS */
  readonly coolingMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** A node's pod network whose pods have addresses of the VPC. */
export interface Terway extends PodNetwork {
  prepare(pod: PodIdentity, signal: AbortSignal): Promise<void> | undefined
  /** Resolves when the pool is as the limits want it, or cannot be. */
  settled(): Promise<void>
  readonly pool: Pick<AddressPool, 'counts'>
}

/**
 * Connects this node's pods with addresses of its elastic network interfaces, the way Terway does (ENI multi-IP,
 * exclusive veth). What is there already is taken over; the cloud need not answer for that.
 *
 * @throws FairleadError `KERNEL_REFUSED`
 */
export function startTerway(options: TerwayOptions): Terway {
  const route = RouteSocket.open(options.netns)
  try {
    return new InterfaceNetwork(route, options)
  } catch (error) {
    route[Symbol.dispose]()
    throw error
  }
}

class InterfaceNetwork implements Terway {
  readonly pool: AddressPool
  readonly #options: TerwayOptions
  readonly #route: RouteSocket
  readonly #links: PodLinks
  readonly #files: PodFiles
  readonly #stop = new AbortController()

  constructor(route: RouteSocket, options: TerwayOptions) {
    this.#route = route
    this.#options = options
    prepareNode(options.netns, [])
    this.#links = new PodLinks(route)
    this.#files = new PodFiles({ directory: options.stateDirectory, log: options.log })
    const { coolingMs = DEFAULT_COOLING_MS } = options
    const reserved = this.#files.list()
    this.pool = new AddressPool({ ...options, coolingMs, reserved, connect: (card) => this.#connect(card) })
  }

  /** Finds an address for a pod; undefined when it has one already, or one was ready. */
  prepare(pod: PodIdentity, signal: AbortSignal): Promise<void> | undefined {
    if (this.#files.get(pod.uid) !== undefined) return undefined
    const taken = this.pool.take()
    if (taken === undefined) return this.#await(pod, signal)
    this.#keep(pod, taken)
    return undefined
  }

  attach(pod: PodIdentity, netns: string): PodAttachment {
    const reservation = this.#files.get(pod.uid) ?? this.#takeNow(pod)
    this.#links.plug(reservation, netns)
    return { addresses: [reservation.address], gateway: POD_GATEWAY, interfaceName: 'eth0', mtu: MTU }
  }

  detach(uid: string): void {
    const reservation = this.#files.get(uid)
    if (reservation === undefined) return
    this.#links.unplug(reservation)
    this.#files.delete(uid)
    this.pool.release(reservation.address)
  }

  retain(live: ReadonlySet<string>): void {
    for (const { uid } of this.#files.list()) if (!live.has(uid)) this.detach(uid)
    this.#links.retain(this.#files.list())
  }

  settled(): Promise<void> {
    return this.pool.settled()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new FairleadError('NOT_RUNNING', 'The pod network stops'))
    await this.pool[Symbol.asyncDispose]()
    this.#route[Symbol.dispose]()
  }

  async #await(pod: PodIdentity, signal: AbortSignal): Promise<void> {
    const patience = new AbortController()
    const cancel = this.#options.clock.after(PATIENCE_MS, () =>
      patience.abort(
        new FairleadError('TIMEOUT', `failed to allocate address: none became free in ${PATIENCE_MS / 1000} s`),
      ),
    )
    try {
      this.#keep(pod, await this.pool.wait(AbortSignal.any([signal, patience.signal])))
    } finally {
      cancel()
    }
  }

  #keep(pod: PodIdentity, { address, interfaceId, macAddress }: PooledAddress): PodReservation {
    const { namespace, name, uid } = pod
    const reservation = { namespace, name, uid, address, interfaceId, macAddress }
    try {
      this.#files.put(reservation)
    } catch (error) {
      this.pool.release(address)
      throw error
    }
    return reservation
  }

  #takeNow(pod: PodIdentity): PodReservation {
    const taken = this.pool.take()
    if (taken !== undefined) return this.#keep(pod, taken)
    throw new FairleadError('INVALID_INPUT', 'failed to allocate address: none is ready on this node')
  }

  /** The interface's link comes a moment after the cloud has said that it is attached. */
  async #connect(card: PoolInterface): Promise<void> {
    const { gateway, clock } = this.#options
    const end = clock.now() + PATIENCE_MS
    while (!this.#links.prepare(card, gateway)) {
      if (clock.now() > end) {
        throw new FairleadError(
          'TIMEOUT',
          `The interface ${card.id} (${card.macAddress}) was attached and did not appear on the node in ${PATIENCE_MS / 1000} s`,
        )
      }
      await clock.sleep(LOOK_MS, this.#stop.signal)
    }
  }
}
