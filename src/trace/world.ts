/** What a prediction is made from: the cluster as plain data. Gathered once, never changed; `whatif` changes a copy. */
import { canonicalAddress } from '../base/ip.ts'
import { serviceKeysOf } from '../kube/endpoint-slice.ts'
import type { Namespace, Node, Pod, Service } from '../kube/types/core.ts'
import type { EndpointSlice, ServiceCidr } from '../kube/types/discovery.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { CloudFacts } from './cloud-facts.ts'

/** The objects of the API that decide about packets. */
export interface ClusterObjects {
  readonly services: readonly Service[]
  readonly slices: readonly EndpointSlice[]
  readonly pods: readonly Pod[]
  readonly nodes: readonly Node[]
  readonly namespaces: readonly Namespace[]
  readonly serviceCidrs: readonly ServiceCidr[]
}

/** What surrounds the nodes, as far as it is known. */
export interface Surroundings {
  /** How pods are connected. */
  readonly network: 'flannel' | 'terway-eniip'
  readonly proxyMode: 'nftables' | 'ipvs'
  readonly clusterDomain: string
  /** Address that pods ask for names. */
  readonly dnsAddress: string
  /** Whom the cluster's DNS asks for names of others; empty: nobody. */
  readonly dnsUpstreams: readonly string[]
  /** Ranges of all pods. */
  readonly clusterCidrs: readonly string[]
  readonly vpcCidr: string
  /** Public addresses and the private ones that they stand for. */
  readonly publicAddresses: readonly { readonly eip: string; readonly address: string }[]
  /** As whom those without a public address of their own appear on the internet; left out: they reach nobody there. */
  readonly natGateway?: string
  /** Addresses of clients on the internet. */
  readonly internet: readonly string[]
  /** Where the API server listens, in the VPC. */
  readonly controlPlane: { readonly address: string; readonly ports: readonly number[] } | undefined
}

/** A socket that takes connections or datagrams. */
export interface Listener {
  readonly protocol: Protocol
  /** `0.0.0.0` and `::` take all. */
  readonly address: string
  readonly port: number
}

/** Under this name {@link KernelFacts.listeners} has those of the client on the internet. */
export const INTERNET_LISTENERS = 'internet'

/** What only the machine itself can tell; left out where it was not asked. */
export interface KernelFacts {
  /** Who listens, by `namespace/name` of a pod, or a node's name. */
  readonly listeners: ReadonlyMap<string, readonly Listener[]>
  /** Destinations of a node's routes, by name of the node. */
  readonly routes: ReadonlyMap<string, readonly string[]>
}

export interface World {
  readonly objects: ClusterObjects
  readonly around: Surroundings
  readonly kernel?: KernelFacts
  /** What the cloud has; left out where it was not asked: load balancers are then told from their Services. */
  readonly cloud?: CloudFacts
}

/** A world with the ways through it that predictions need again and again. */
export interface Atlas extends World {
  readonly servicesByAddress: ReadonlyMap<string, readonly Service[]>
  readonly servicesByNodePort: ReadonlyMap<number, readonly Service[]>
  readonly slicesByService: ReadonlyMap<string, readonly EndpointSlice[]>
  readonly podsByAddress: ReadonlyMap<string, Pod>
  readonly nodesByAddress: ReadonlyMap<string, Node>
  readonly nodesByName: ReadonlyMap<string, Node>
}

export const NOWHERE: Surroundings = {
  network: 'flannel',
  proxyMode: 'nftables',
  clusterDomain: 'cluster.local',
  dnsAddress: '10.96.0.10',
  dnsUpstreams: [],
  clusterCidrs: ['10.244.0.0/16'],
  vpcCidr: '192.168.0.0/16',
  publicAddresses: [],
  internet: ['198.51.100.2', '2001:db8:2::2'],
  controlPlane: undefined,
}

/** `namespace/name` */
export function nameOf({ metadata }: { readonly metadata: { readonly namespace?: string; readonly name: string } }) {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`
}

export function atlasOf(world: World): Atlas {
  const { services, slices, pods, nodes } = world.objects
  return {
    ...world,
    servicesByAddress: grouped(services, addressesOf),
    servicesByNodePort: grouped(services, ({ spec }) => (spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? [])),
    slicesByService: grouped(slices, serviceKeysOf),
    podsByAddress: new Map(pods.flatMap((pod) => podAddresses(pod).map((address) => [address, pod] as const))),
    nodesByAddress: new Map(nodes.flatMap((node) => nodeAddresses(node).map((address) => [address, node] as const))),
    nodesByName: new Map(nodes.map((node) => [node.metadata.name, node])),
  }
}

/** Addresses of a pod's own; none while it has none, has ended, or shares those of its node. */
export function podAddresses({ spec, status }: Pod): readonly string[] {
  if (spec.hostNetwork === true || status?.phase === 'Succeeded' || status?.phase === 'Failed') return []
  const all = [...(status?.podIPs ?? []).map(({ ip }) => ip), ...(status?.podIP === undefined ? [] : [status.podIP])]
  return [...new Set(all.flatMap((text) => canonicalAddress(text) ?? []))]
}

/** The addresses that a node has inside: internal ones first. */
export function nodeAddresses({ status }: Node): readonly string[] {
  const inside = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP')
  return inside.flatMap(({ address }) => canonicalAddress(address) ?? [])
}

function addressesOf({ spec, status }: Service): string[] {
  const all = [
    ...(spec.clusterIPs ?? [spec.clusterIP ?? '']),
    ...(spec.externalIPs ?? []),
    ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
  ]
  return [...new Set(all.flatMap((text) => canonicalAddress(text) ?? []))]
}

function grouped<K, T>(items: readonly T[], keysOf: (item: T) => readonly K[]): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    for (const key of keysOf(item)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [item])
      else group.push(item)
    }
  }
  return groups
}
