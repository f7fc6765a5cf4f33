/** What only the machine of the cluster can tell: who listens in which namespace, and which routes nodes have. */
import type { Pod } from '../kube/types/core.ts'
import { MAIN_TABLE } from '../linux/netlink/route/route.ts'
import { RouteSocket } from '../linux/netlink/route/socket.ts'
import { listeningSockets } from '../linux/netlink/socket-diag.ts'
import { placeOfPod } from './flannel-model.ts'
import { placeText, routesOf } from './hop.ts'
import type { Prediction } from './predict.ts'
import { type Atlas, INTERNET_LISTENERS, type KernelFacts, type Listener, nameOf } from './world.ts'

/** The network namespaces of a cluster on this machine, by path; undefined where there is none. */
export interface Doors {
  pod(pod: Pod): string | undefined
  node(name: string): string | undefined
  readonly vpc: string | undefined
  readonly internet: string | undefined
}

export interface People {
  readonly pods: readonly Pod[]
  readonly nodes: readonly string[]
}

/** The pods and nodes that a prediction comes by: where the kernel is worth asking. */
export function peopleOn({ path, toNameServer }: Prediction, { objects }: Atlas): People {
  const places = [path, toNameServer]
    .flatMap((way) => (way === undefined ? [] : routesOf(way)))
    .flatMap(({ hops }) => hops)
    .flatMap((hop) => (hop.kind === 'tunnel' ? [hop.from, hop.to] : [hop.place]))
  const names = new Set(places.map(placeText))
  const isOn = (pod: Pod) => names.has(placeText(placeOfPod(pod)))
  return {
    pods: objects.pods.filter(isOn),
    nodes: objects.nodes.map(({ metadata }) => metadata.name).filter((name) => names.has(name)),
  }
}

/** All that a Service of a namespace may lead to, or come by. */
export function peopleAround(namespace: string | undefined, { objects: { pods, nodes } }: Atlas): People {
  return {
    pods: pods.filter(({ metadata }) => metadata.namespace === namespace),
    nodes: nodes.map(({ metadata }) => metadata.name),
  }
}

/** Looks into these pods and nodes; who has no namespace here is left out. */
export function gatherKernelFacts(doors: Doors, { pods, nodes }: People): KernelFacts {
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
  if (doors.internet !== undefined) listeners.set(INTERNET_LISTENERS, listenersIn(doors.internet))
  return { listeners, routes }
}

function routesIn(netns: string): string[] {
  using socket = RouteSocket.open(netns)
  return ([4, 6] as const).flatMap((family) =>
    socket.routes(family, MAIN_TABLE).flatMap(({ destination }) => destination ?? []),
  )
}

const PROTOCOLS = { 6: 'TCP', 17: 'UDP' } as const

/** Sockets that take connections or datagrams in a namespace. */
export function listenersIn(netns: string): Listener[] {
  return listeningSockets(netns).flatMap(({ protocol, address, port, onlyIpv6 }): Listener[] => {
    const listener = { protocol: PROTOCOLS[protocol], address, port }
    return address === '::' && !onlyIpv6 ? [listener, { ...listener, address: '0.0.0.0' }] : [listener]
  })
}
