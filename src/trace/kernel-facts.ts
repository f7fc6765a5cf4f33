/** What only the machine of the cluster can tell: who listens in which namespace, and which routes nodes have. */
import { readFileSync } from 'node:fs'
import { systemErrorCode } from '../base/error.ts'
import { formatAddress } from '../base/ip.ts'
import type { Pod } from '../kube/types/core.ts'
import type { Protocol } from '../kube/types/meta.ts'
import { MAIN_TABLE } from '../linux/netlink/route/route.ts'
import { RouteSocket } from '../linux/netlink/route/socket.ts'
import { inNetns } from '../linux/netns.ts'
import type { KernelFacts, Listener } from './world.ts'
import { nameOf } from './world.ts'

/** The network namespaces of a cluster on this machine, by path; undefined where there is none. */
export interface Doors {
  pod(pod: Pod): string | undefined
  node(name: string): string | undefined
  readonly vpc: string | undefined
  readonly internet: string | undefined
}

/** Looks into these pods and nodes; who has no namespace here is left out. */
export function gatherKernelFacts(doors: Doors, pods: readonly Pod[], nodes: readonly string[]): KernelFacts {
  const listeners = new Map<string, readonly Listener[]>()
  const routes = new Map<string, readonly string[]>()
  for (const pod of pods) {
    const door = pod.spec.hostNetwork === true ? undefined : doors.pod(pod)
    if (door !== undefined) listeners.set(nameOf(pod), listenersIn(door))
  }
  for (const name of nodes) {
    const door = doors.node(name)
    if (door === undefined) continue
    listeners.set(name, listenersIn(door))
    routes.set(name, routesIn(door))
  }
  return { listeners, routes }
}

function routesIn(netns: string): string[] {
  using socket = RouteSocket.open(netns)
  return ([4, 6] as const).flatMap((family) =>
    socket.routes(family, MAIN_TABLE).flatMap(({ destination }) => destination ?? []),
  )
}

const FILES = [
  ['tcp', 'TCP'],
  ['tcp6', 'TCP'],
  ['udp', 'UDP'],
  ['udp6', 'UDP'],
] as const satisfies readonly (readonly [string, Protocol])[]

/** Sockets that take connections or datagrams in a namespace. */
export function listenersIn(netns: string): Listener[] {
  return inNetns(netns, () =>
    FILES.flatMap(([file, protocol]) => parseSockets(readIfThere(`/proc/thread-self/net/${file}`), protocol)),
  )
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // A kernel without IPv6.
    if (systemErrorCode(error) === 'ENOENT') return ''
    throw error
  }
}

/** States of /proc/net/tcp (include/net/tcp_states.h): a UDP socket that is not connected is in state CLOSE. */
const WAITING = { TCP: '0A', UDP: '07', SCTP: '0A' } as const

/** Reads /proc/net/tcp and its like (proc(5)): addresses are words in the machine's byte order, in hexadecimal. */
export function parseSockets(text: string, protocol: Protocol): Listener[] {
  const lines = text.split('\n').slice(1)
  return lines.flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    const [address = '', port = ''] = local.split(':')
    if (state !== WAITING[protocol] || port === '0000') return []
    return [{ protocol, address: formatAddress(wordsToBytes(address)), port: Number.parseInt(port, 16) }]
  })
}

function wordsToBytes(hex: string): Buffer {
  const words = hex.match(/.{8}/g) ?? []
  return Buffer.concat(words.map((word) => Buffer.from(word, 'hex').reverse()))
}
