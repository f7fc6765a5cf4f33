import { createHash } from 'node:crypto'
import { FairleadError } from '../../base/error.ts'
import { parseAddress } from '../../base/ip.ts'
import { formatMac } from '../../linux/mac-address.ts'
import { MAIN_TABLE } from '../../linux/netlink/route/route.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import type { PodIdentity } from '../pod-network.ts'
import type { PodReservation } from './pod-files.ts'
import type { PoolInterface } from './pool-plan.ts'

export const MTU = 1500
/** What pods use as their gateway, on every link. */
export const POD_GATEWAY = '169.254.1.1'
const POD_INTERFACE = 'eth0'
/** Of the node's end of every pod's link, so that a pod knows its gateway's without asking. */
const GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee'

/** Priorities of routing rules, as Terway has them: to a pod of the node; what came in for nobody; from a pod. */
const TO_POD = 512
const FOR_NOBODY = 1024
const FROM_POD = 2048
/** An interface's table is this and its index. */
const FIRST_TABLE = 1000
const NOWHERE_TABLE = 999

/** Pods, interfaces and the routes between them in the node's namespace. */
export class PodLinks {
  readonly #route: RouteSocket

  constructor(route: RouteSocket) {
    this.#route = route
    this.#route.replaceRoute({ destination: '0.0.0.0/0', type: 'blackhole', table: NOWHERE_TABLE })
  }

  /** Makes an interface usable; false while the node has no link with its Ethernet address. */
  prepare({ macAddress }: PoolInterface, gateway: string): boolean {
    const link = this.#route.links().find(({ address }) => address === macAddress)
    if (link === undefined) return false
    if (!link.up || link.mtu !== MTU) this.#route.setLink(link.name, { up: true, mtu: MTU })
    const table = FIRST_TABLE + link.index
    this.#route.replaceRoute({ destination: '0.0.0.0/0', gateway, link: link.name, onlink: true, table })
    // An address that no pod has now: without this it would go back to the VPC, and round in circles.
    this.#route.replaceRule({ family: 4, priority: FOR_NOBODY, iif: link.name, table: NOWHERE_TABLE })
    return true
  }

  /** Plugs a pod in; one that is plugged in already stays. */
  plug(pod: PodReservation, netns: string): void {
    const table = this.#tableOf(pod)
    using inside = RouteSocket.open(netns)
    const name = hostDevice(pod)
    const mac = macOf(pod.address)
    const [outer, inner] = [this.#route.link(name), inside.link(POD_INTERFACE)]
    if (outer === undefined || inner === undefined || outer.peer !== inner.index) {
      // Of an earlier pod of the same name.
      if (outer !== undefined) this.#route.deleteLink(name)
      const peer = { name: POD_INTERFACE, netns, mtu: MTU, address: mac }
      this.#route.addLink({ kind: 'veth', name, mtu: MTU, address: GATEWAY_MAC, up: true, peer })
      this.#route.setLink(name, { alias: pod.uid })
    }
    inside.setLink('lo', { up: true })
    inside.setLink(POD_INTERFACE, { up: true })
    inside.replaceAddress(POD_INTERFACE, { address: `${pod.address}/32` })
    inside.replaceRoute({ destination: '0.0.0.0/0', gateway: POD_GATEWAY, link: POD_INTERFACE, onlink: true })
    inside.replaceNeighbour(POD_INTERFACE, { address: POD_GATEWAY, mac: GATEWAY_MAC })
    this.#route.replaceNeighbour(name, { address: pod.address, mac })
    this.#route.replaceRoute({ destination: `${pod.address}/32`, link: name })
    for (const rule of rulesOf(pod.address, table)) this.#route.replaceRule(rule)
  }

  /** Unplugs a pod: from now on its address can be another's. The device goes with the pod's namespace. */
  unplug(pod: PodReservation): void {
    const name = hostDevice(pod)
    this.#forget(pod.address)
    const link = this.#route.link(name)
    if (link?.alias === pod.uid) this.#route.setLink(name, { up: false })
  }

  /** Forgets addresses and deletes devices of pods other than these: what a crash left. */
  retain(pods: readonly PodReservation[]): void {
    const addresses = new Set(pods.map(({ address }) => `${address}/32`))
    const uids = new Set(pods.map(({ uid }) => uid))
    for (const { priority, from, to } of this.#route.rules(4)) {
      const prefix = priority === TO_POD ? to : priority === FROM_POD ? from : undefined
      if (prefix !== undefined && !addresses.has(prefix)) this.#forget(prefix.slice(0, prefix.indexOf('/')))
    }
    for (const { name, alias } of this.#route.links()) {
      if (isHostDevice(name) && !uids.has(alias ?? '')) this.#route.deleteLink(name)
    }
  }

  #forget(address: string): void {
    const prefix = `${address}/32`
    const rules = this.#route.rules(4)
    for (const rule of rules) {
      const ours =
        (rule.priority === TO_POD && rule.to === prefix) || (rule.priority === FROM_POD && rule.from === prefix)
      if (ours) this.#route.deleteRule(rule)
    }
    const there = this.#route.routes(4, MAIN_TABLE).find(({ destination }) => destination === prefix)
    if (there !== undefined) this.#route.deleteRoute(there)
  }

  #tableOf({ address, macAddress, interfaceId }: PodReservation): number {
    const link = this.#route.links().find((one) => one.address === macAddress)
    if (link !== undefined) return FIRST_TABLE + link.index
    throw new FairleadError(
      'NOT_FOUND',
      `Cannot connect a pod as ${address}: the node has no link with the Ethernet address ${macAddress} of ${interfaceId}`,
    )
  }
}

function rulesOf(address: string, table: number) {
  const prefix = `${address}/32`
  return [
    { family: 4, priority: TO_POD, to: prefix, table: MAIN_TABLE },
    { family: 4, priority: FROM_POD, from: prefix, table },
  ] as const
}

/** The node's end of a pod's link, as Terway and Calico name it. */
export function hostDevice({ namespace, name }: Pick<PodIdentity, 'namespace' | 'name'>): string {
  return `cali${createHash('sha1').update(`${namespace}.${name}`).digest('hex').slice(0, 11)}`
}

function isHostDevice(name: string): boolean {
  return /^cali[0-9a-f]{11}$/.test(name)
}

/** An Ethernet address that follows from the IP address: when that goes to another pod, what is cached stays right. */
function macOf(address: string): string {
  return formatMac(Buffer.concat([Buffer.of(0x0a, 0x58), parseAddress(address) ?? Buffer.alloc(4)]))
}
