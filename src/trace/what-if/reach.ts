/** Who reaches a Service, by which address, whom it meets and as whom it is seen: a table that two worlds have each. */

import { formatAddress, hostPort, nthAddress, parseCidr } from '../../base/ip.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import type { Route } from '../hop.ts'
import { predict, routes, type Verdict } from '../predict.ts'
import type { Origin, Target } from '../question.ts'
import { type Atlas, nameOf, nodeAddresses } from '../world.ts'

export interface Cell {
  /** `a pod on node-1`, `node-1`, `internet` */
  readonly client: string
  /** `ClusterIP`, `NodePort of node-1`, `EIP of node-1`, `load balancer`, `external IP` */
  readonly address: string
  /** The same address in another world has the same way. */
  readonly port: number
  readonly verdict: Verdict
  readonly cause?: string
  /** Source addresses that endpoints see: the client's own, or whose. */
  readonly sources: readonly string[]
  /** Share of each endpoint's pod. */
  readonly shares: ReadonlyMap<string, number>
}

/** Every client class with every address of the Service. */
export function reachOf(service: Service, atlas: Atlas): Cell[] {
  const nodes = atlas.objects.nodes
  const clients = nodes.flatMap((node): { name: string; origin: Origin }[] => [
    { name: `a pod on ${node.metadata.name}`, origin: { kind: 'pod', pod: strangerOn(node.metadata.name, atlas) } },
    { name: node.metadata.name, origin: { kind: 'node', node } },
  ])
  const internet = { name: 'internet', origin: { kind: 'internet', addresses: atlas.around.internet } as const }
  return [...clients, internet].flatMap(({ name, origin }) =>
    addressesOf(service, atlas, origin.kind === 'internet').flatMap(({ label, address, ports }) =>
      ports.map((target) => cellOf(name, origin, { label, address, target, atlas })),
    ),
  )
}

interface Port {
  readonly port: number
  readonly protocol: Target['protocol']
}

interface Address {
  readonly label: string
  readonly address: string
  readonly ports: readonly Port[]
}

function addressesOf({ spec, status }: Service, atlas: Atlas, fromInternet: boolean): Address[] {
  const all = spec.ports ?? []
  const ports = all.map(({ port, protocol = 'TCP' }) => ({ port, protocol }))
  const nodePorts = all.flatMap(({ nodePort, protocol = 'TCP' }) =>
    nodePort === undefined ? [] : [{ port: nodePort, protocol }],
  )
  const one = (label: string, address: string | undefined, own = ports): Address[] =>
    address === undefined || address === 'None' || address === '' ? [] : [{ label, address, ports: own }]
  const outside = [
    ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => one('load balancer', ip)),
    ...(spec.externalIPs ?? []).flatMap((ip) => one('external IP', ip)),
  ]
  if (fromInternet) {
    const eips = atlas.around.publicAddresses.flatMap(({ eip, address }) => {
      const node = atlas.nodesByAddress.get(address)
      return node === undefined ? [] : one(`EIP of ${node.metadata.name}`, eip, nodePorts)
    })
    return [...outside, ...(spec.type === 'ClusterIP' ? [] : eips)]
  }
  const nodes = atlas.objects.nodes.flatMap((node) =>
    one(`NodePort of ${node.metadata.name}`, nodeAddresses(node)[0], nodePorts),
  )
  return [...one('ClusterIP', spec.clusterIP), ...outside, ...(spec.type === 'ClusterIP' ? [] : nodes)]
}

interface Asked {
  readonly label: string
  readonly address: string
  readonly target: Port
  readonly atlas: Atlas
}

function cellOf(client: string, origin: Origin, { label, address, target, atlas }: Asked): Cell {
  const prediction = predict(
    origin,
    { kind: 'address', address, text: hostPort(address, target.port), ...target },
    atlas,
  )
  const ways = routes(prediction)
  const own = ways[0]?.hops[0]
  const source = own?.kind === 'origin' ? own.flow.source : ''
  const shares = new Map<string, number>()
  for (const way of ways) {
    if (way.end.kind === 'delivered')
      shares.set(endpointName(way, atlas), (shares.get(endpointName(way, atlas)) ?? 0) + way.share)
  }
  return {
    client,
    address: label,
    port: target.port,
    verdict: prediction.verdict,
    ...(prediction.cause === undefined ? {} : { cause: prediction.cause.sentence }),
    sources: [
      ...new Set(
        ways.map(({ end }) => (end.kind === 'delivered' ? seenAs(end.flow.source, source, atlas) : undefined)),
      ),
    ]
      .filter((text) => text !== undefined)
      .sort(),
    shares,
  }
}

function endpointName({ end }: Route, atlas: Atlas): string {
  if (end.kind !== 'delivered') return ''
  const pod = atlas.podsByAddress.get(end.flow.destination)
  return pod === undefined ? hostPort(end.flow.destination, end.flow.port) : nameOf(pod)
}

/** Whose address a source is. */
function seenAs(source: string, client: string, atlas: Atlas): string {
  if (source === client) return 'its own'
  const node = atlas.objects.nodes.find((one) => nodeAddresses(one).includes(source) || isIn(source, one.spec?.podCIDR))
  return node === undefined ? source : `that of ${node.metadata.name}`
}

function isIn(address: string, cidr: string | undefined): boolean {
  const prefix = cidr === undefined ? undefined : parseCidr(cidr)
  return prefix !== undefined && ['0', '1'].some((_, index) => formatAddress(nthAddress(prefix, index)) === address)
}

/** A pod on a node that is nobody's endpoint: what any other pod there would meet. */
function strangerOn(nodeName: string, atlas: Atlas): Pod {
  const podIP = unusedAddress(nodeName, atlas)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'any', namespace: 'default' },
    spec: { nodeName, containers: [] },
    status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
  }
}

/** The last of the node's range, or where nodes have none, from the end of the VPC: nobody has those. */
function unusedAddress(nodeName: string, { nodesByName, objects, around }: Atlas): string {
  const range = parseCidr(nodesByName.get(nodeName)?.spec?.podCIDR ?? '')
  if (range !== undefined) return formatAddress(nthAddress(range, -2))
  const vpc = parseCidr(around.vpcCidr)
  const index = objects.nodes.findIndex(({ metadata }) => metadata.name === nodeName)
  return vpc === undefined ? '' : formatAddress(nthAddress(vpc, -2 - index))
}
