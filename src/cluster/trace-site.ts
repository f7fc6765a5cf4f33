/** Where `trace` and `whatif` look: a cluster of this machine with its namespaces, or any other by its kubeconfig. */
import { existsSync } from 'node:fs'
import { FairleadError, isFairleadError } from '../base/error.ts'
import { formatAddress } from '../base/ip.ts'
import type { PriceTable } from '../cloud/billing/price-table.ts'
import { pricesOf } from '../cloud/billing/prices.ts'
import {
  CONTROL_PLANE_ADDRESS,
  INTERNET_CLIENTS,
  internetNetnsName,
  NAT_GATEWAY_ADDRESS,
  vpcNetnsName,
} from '../cloud/fabric/fabric-names.ts'
import { readUnhealthy } from '../cloud/load-balancer/health/unhealthy-file.ts'
import { CloudState } from '../cloud/state/cloud-state.ts'
import { createAccessTransport } from '../kube/access-transport.ts'
import type { Client } from '../kube/client.ts'
import { type KubeconfigAccess, loadKubeconfig } from '../kube/kubeconfig.ts'
import { createClient } from '../kube/rest-client.ts'
import { listNetns, netnsPath } from '../linux/netns.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { leaseOf } from '../network/flannel/lease.ts'
import { podNetns } from '../node/pod-netns.ts'
import { type CloudFacts, cloudFacts } from '../trace/cloud-facts.ts'
import { gatherObjects } from '../trace/gather.ts'
import type { Doors } from '../trace/kernel-facts.ts'
import { type ClusterObjects, NOWHERE, nodeAddresses, type Surroundings, type World } from '../trace/world.ts'
import { connectAsAdmin, listClusters, readClusterSpec } from './admin-access.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import { cloudDirectories, clusterLayout, type Layout, type LayoutRoots, nodeNetns } from './layout.ts'

export interface TraceSite {
  readonly world: World
  /** Namespaces of this machine; left out for a cluster elsewhere, and for who may not enter them. */
  readonly doors?: Doors
  /** Why nothing can be sent. */
  readonly closed?: string
  /** What the cluster's cloud charges, where that is known. */
  readonly prices?: PriceTable
}

interface Where {
  readonly name: string
  readonly kubeconfig?: string
  /** Where the clusters of this machine are. */
  readonly roots?: LayoutRoots
  /** Asks the cloud as well: what it has, not what Services ask for. */
  readonly asksCloud?: boolean
}

/** @throws FairleadError `NOT_RUNNING`, `API_UNREACHABLE`, `INVALID_INPUT` */
export async function openTraceSite(where: Where): Promise<TraceSite> {
  return where.kubeconfig === undefined ? ownSite(where) : foreignSite(where.kubeconfig)
}

async function foreignSite(path: string): Promise<TraceSite> {
  const transport = createAccessTransport(await requireKubeconfig(path))
  const objects = await gathered(
    createClient(transport, { userAgent: 'fairlead-trace' }),
    transport,
    `See whether it runs: kubectl --kubeconfig ${path} version`,
  )
  const dns = objects.services.find(
    ({ metadata }) => metadata.namespace === 'kube-system' && metadata.name === 'kube-dns',
  )
  const cidrs = objects.nodes.flatMap(({ spec }) => spec?.podCIDRs ?? spec?.podCIDR ?? [])
  const publicAddresses = objects.nodes.flatMap((node) => {
    const eip = node.status?.addresses?.find(({ type }) => type === 'ExternalIP')?.address
    const [address] = nodeAddresses(node)
    return eip === undefined || address === undefined ? [] : [{ eip, address }]
  })
  const isFlannel = objects.nodes.every((node) => leaseOf(node, 4) !== undefined)
  const around: Surroundings = {
    ...NOWHERE,
    // Of other networks it is only taken that nodes route to pods.
    network: isFlannel ? 'flannel' : 'terway-eniip',
    dnsAddress: dns?.spec.clusterIP ?? NOWHERE.dnsAddress,
    dnsUpstreams: ['the resolver of its nodes'],
    clusterCidrs: cidrs.length === 0 ? NOWHERE.clusterCidrs : cidrs,
    publicAddresses,
  }
  return { world: { objects, around }, closed: 'the cluster is not on this machine' }
}

/** One that is not there is a mistake of who asks: exit code 1 would say that a connection fails. */
async function requireKubeconfig(path: string): Promise<KubeconfigAccess> {
  try {
    return await loadKubeconfig(path)
  } catch (error) {
    if (!isFairleadError(error, 'NOT_FOUND')) throw error
    const hint = 'Give the path of a kubeconfig, or --name NAME for a cluster of this machine'
    throw new FairleadError('USAGE', error.message, { cause: error, hint })
  }
}

async function ownSite({ name, roots = {}, asksCloud = false }: Where): Promise<TraceSite> {
  const layout = clusterLayout(name, roots)
  const spec = readClusterSpec(layout)
  if (spec === undefined || !existsSync(layout.kubeconfig)) {
    const others = listClusters(roots)
    const hint =
      others.length === 0 ? `Start it with: fairlead up --name ${name}` : `There is ${others.join(', ')}: give --name`
    throw new FairleadError('NOT_RUNNING', `There is no cluster ${name} on this machine`, { hint })
  }
  const { client, transport } = await connectAsAdmin(layout)
  const mayEnter = process.getuid?.() === 0
  const [objects, cloud] = await Promise.all([
    gathered(client, transport, `See whether it runs: fairlead status --name ${name}`),
    mayEnter ? gatherCloud(layout) : undefined,
  ])
  const around = surroundings(spec, objects, mayEnter)
  const world = { objects, around, ...(cloud === undefined || !asksCloud ? {} : { cloud: cloud.facts }) }
  return mayEnter
    ? { world, doors: doorsOf(spec.name), ...(cloud === undefined ? {} : { prices: cloud.prices }) }
    : { world, closed: 'only root may enter the namespaces of the cluster' }
}

interface KnownCloud {
  readonly facts: CloudFacts
  readonly prices: PriceTable
}

/** As the cloud keeps it: what it answered is on disk. Undefined where there is none. */
async function gatherCloud(layout: Layout): Promise<KnownCloud | undefined> {
  const { state: directory, balancing } = cloudDirectories(layout)
  if (!existsSync(directory)) return undefined
  // Loads its database while the API server answers.
  await using state = CloudState.open({ directory, readOnly: true })
  return { facts: cloudFacts(state, readUnhealthy(balancing)), prices: pricesOf(state) }
}

/** @param suggestion What to do when the API does not answer. */
async function gathered(client: Client, transport: Disposable, suggestion: string): Promise<ClusterObjects> {
  try {
    return await gatherObjects(client)
  } catch (error) {
    if (!isFairleadError(error, 'API_UNREACHABLE')) throw error
    throw new FairleadError('API_UNREACHABLE', error.message, { cause: error, hint: suggestion })
  } finally {
    transport[Symbol.dispose]()
  }
}

function surroundings(spec: ClusterSpec, objects: ClusterObjects, mayEnter: boolean): Surroundings {
  const ports = objects.slices
    .filter(({ endpoints }) => endpoints?.some(({ addresses }) => addresses.includes(CONTROL_PLANE_ADDRESS)))
    .flatMap((slice) => (slice.ports ?? []).flatMap(({ port }) => port ?? []))
  return {
    network: spec.network,
    proxyMode: spec.proxyMode,
    clusterDomain: spec.clusterDomain,
    dnsAddress: spec.dnsAddress,
    dnsUpstreams: spec.dnsUpstreams ?? [],
    clusterCidrs: spec.clusterCidrs,
    vpcCidr: spec.vpcCidr,
    publicAddresses: mayEnter
      ? boundAddresses(netnsPath(vpcNetnsName(spec.name)))
      : spec.nodes.map(({ address, publicAddress }) => ({ eip: publicAddress, address })),
    ...(spec.network === 'terway-eniip' ? { natGateway: NAT_GATEWAY_ADDRESS } : {}),
    internet: INTERNET_CLIENTS.map((cidr) => cidr.slice(0, cidr.indexOf('/'))),
    controlPlane: { address: CONTROL_PLANE_ADDRESS, ports },
  }
}

/** Which public address stands for which private one, as the VPC's own table has it. */
function boundAddresses(vpc: string): Surroundings['publicAddresses'] {
  using socket = NftSocket.open(vpc)
  const elements = socket.elements({ family: 'ip', table: 'fairlead-eip', name: 'eip-to-node' })
  return elements.flatMap(({ key, data }) =>
    Buffer.isBuffer(data) ? [{ eip: formatAddress(key), address: formatAddress(data) }] : [],
  )
}

function doorsOf(cluster: string): Doors {
  const there = new Set(listNetns(`fl-${cluster}-`))
  const door = (name: string) => (there.has(name) ? netnsPath(name) : undefined)
  return {
    pod: ({ metadata }) => door(podNetns(cluster, metadata.uid ?? '')),
    node: (name) => door(nodeNetns(cluster, name)),
    vpc: door(vpcNetnsName(cluster)),
    internet: door(internetNetnsName(cluster)),
  }
}
