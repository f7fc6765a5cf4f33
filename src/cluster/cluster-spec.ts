import { FairleadError } from '../base/error.ts'
import { parseGoDuration } from '../base/go-duration.ts'
import { addressFamily } from '../base/ip.ts'
import { DEFAULT_INSTANCE_TYPE, findInstanceType, INSTANCE_TYPES } from '../cloud/ecs/instance-types.ts'
import type { VSwitchSpec } from '../cloud/region.ts'
import { DEFAULT_POOL } from '../network/terway/pool-plan.ts'
import type { ProxyMode } from '../proxy/server/proxy-configuration.ts'
import { type ApiServerOptions, type ApiServerSettings, apiServerSettings } from './api-server-settings.ts'
import { type PoolOptions, type PoolSizes, poolSizes } from './pool-sizes.ts'

/** What a cluster is made of: decided once at `up`, kept beside its data, the same for every process of it. */
export interface ClusterSpec {
  readonly name: string
  readonly nodes: readonly NodeSpec[]
  /** Port of the API server on 127.0.0.1; 0 for any free one. */
  readonly apiPort: number
  readonly serviceCidrs: readonly string[]
  readonly network: PodNetworkKind
  /** Ranges of pods, of which each node has a part; none where pods have addresses of the VPC. */
  readonly clusterCidrs: readonly string[]
  /** Pods that a node takes at most; under Terway fewer where its instance type has fewer addresses. */
  readonly maxPods: number
  /** Under Terway, where it differs from its defaults. */
  readonly pool?: PoolSizes
  /** Silence after which a node is Unknown; upstream's when left out. */
  readonly nodeMonitorGraceMs?: number
  /** How load-balancer addresses are treated inside the cluster: upstream's way, or that of ACK's IPVS mode. */
  readonly proxyMode: ProxyMode
  readonly vpcCidr: string
  /** Subnets of the VPC: one for the nodes of each zone, and under Terway one for their pods ({@link podVSwitch}). */
  readonly vSwitches: readonly VSwitchSpec[]
  readonly clusterDomain: string
  /** Address of the cluster's DNS Service. */
  readonly dnsAddress: string
  /** Whom the cluster's DNS asks for names of others, as pods reach them; nobody when left out. */
  readonly dnsUpstreams?: readonly string[]
  /** Where it differs from kube-apiserver's defaults. */
  readonly apiServer?: ApiServerSettings
}

/** How pods are connected: an overlay, or addresses of the VPC on the nodes' interfaces. */
export type PodNetworkKind = 'flannel' | 'terway-eniip'

export const POD_NETWORKS = ['flannel', 'terway-eniip'] as const satisfies readonly PodNetworkKind[]

export interface NodeSpec {
  readonly name: string
  readonly zone: string
  /** Private address in the VPC, without prefix. */
  readonly address: string
  /** Public address bound to it. */
  readonly publicAddress: string
  /** `ecs.g7.xlarge`; under Terway the number of pods follows from it. */
  readonly instanceType: string
}

export interface ClusterOptions extends PoolOptions {
  /** Addresses, with ports or without. @default none */
  readonly dnsUpstream?: readonly string[]
  readonly name?: string
  /** How many nodes. @default 3 */
  readonly nodes?: number
  /** @default 6443 */
  readonly apiPort?: number
  /** @default 'nftables' */
  readonly proxyMode?: string
  /** @default 'flannel' */
  readonly network?: string
  /** @default DEFAULT_INSTANCE_TYPE */
  readonly instanceType?: string
  /** Of each node, as a kubelet's `--max-pods`. @default 110 */
  readonly maxPods?: number
  /** As kube-controller-manager's `--node-monitor-grace-period`, such as `20s`. @default '50s' */
  readonly nodeMonitorGracePeriod?: string
  /** As the command line has it: with a duration such as `1m0s`, and paths as they were given. */
  readonly apiServer?: ApiServerOptions
}

export const DEFAULT_CLUSTER = 'dev'
const DEFAULT_API_PORT = 6443
export const DEFAULT_MAX_PODS = 110
const MAXIMUM_NODES = 60
/** Of which a node renews its lease five times. */
const MINIMUM_GRACE_MS = 2_000
/** Of a node's /24, less the network's, the bridge's and the broadcast address. */
const MAXIMUM_PODS = 253
const ZONES = ['zone-a', 'zone-b', 'zone-c'] as const
const FIRST_HOST = 11
/** Third bytes of the pods' vSwitches: 192.168.64.0/19, 192.168.96.0/19, 192.168.128.0/19. */
const POD_VSWITCH_START = 64
const POD_VSWITCH_STEP = 32
/** A node's device in the VPC carries its name, and Linux allows 15 characters. */
const NAME_PATTERN = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/

/**
 * Fills in the defaults.
 *
 * @throws FairleadError `USAGE` that names the value given and the values allowed.
 */
export function createClusterSpec(options: ClusterOptions = {}): ClusterSpec {
  const { name = DEFAULT_CLUSTER, nodes = 3, apiPort = DEFAULT_API_PORT, proxyMode = 'nftables' } = options
  requireClusterName(name)
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAXIMUM_NODES) {
    throw new FairleadError('USAGE', `Cannot start ${nodes} nodes: give a whole number from 1 to ${MAXIMUM_NODES}`)
  }
  if (!Number.isInteger(apiPort) || apiPort < 0 || apiPort > 65_535) {
    throw new FairleadError('USAGE', `Cannot listen on port ${apiPort}: give a whole number from 0 to 65535`)
  }
  if (proxyMode !== 'nftables' && proxyMode !== 'ipvs') {
    throw new FairleadError('USAGE', `Cannot run proxy mode ${proxyMode}: give nftables or ipvs`)
  }
  const { instanceType = DEFAULT_INSTANCE_TYPE } = options
  if (findInstanceType(instanceType) === undefined) {
    const known = INSTANCE_TYPES.map(({ id }) => id).join(', ')
    throw new FairleadError('USAGE', `Cannot make nodes of instance type ${instanceType}: give one of ${known}`)
  }
  return {
    name,
    maxPods: requireMaxPods(options.maxPods ?? DEFAULT_MAX_PODS),
    proxyMode,
    nodes: Array.from({ length: nodes }, (_, index) => nodeSpec(index, instanceType)),
    apiPort,
    serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    ...podRanges(options.network ?? 'flannel'),
    ...poolOf(options),
    vpcCidr: '192.168.0.0/16',
    clusterDomain: 'cluster.local',
    dnsAddress: '10.96.0.10',
    ...graceOf(options.nodeMonitorGracePeriod),
    ...dnsUpstreamsOf(options.dnsUpstream ?? []),
    ...apiServerSettings(options.apiServer ?? {}),
  }
}

/** @throws FairleadError `USAGE` for more pods than a node has addresses for. */
function requireMaxPods(maxPods: number): number {
  if (Number.isInteger(maxPods) && maxPods >= 1 && maxPods <= MAXIMUM_PODS) return maxPods
  const wanted = `give a whole number from 1 to ${MAXIMUM_PODS}, the addresses of a node's range`
  throw new FairleadError('USAGE', `Cannot run ${maxPods} pods on a node: ${wanted}`)
}

/** @throws FairleadError `USAGE` for less time than a node needs to speak up. */
function graceOf(text: string | undefined): Pick<ClusterSpec, 'nodeMonitorGraceMs'> {
  if (text === undefined) return {}
  const nodeMonitorGraceMs = parseGoDuration(text)
  if (nodeMonitorGraceMs !== undefined && nodeMonitorGraceMs >= MINIMUM_GRACE_MS) return { nodeMonitorGraceMs }
  throw new FairleadError(
    'USAGE',
    `Cannot give nodes '${text}' of silence: give a duration of at least 2s, such as 50s`,
  )
}

function podRanges(network: string): Pick<ClusterSpec, 'network' | 'clusterCidrs' | 'vSwitches'> {
  const vSwitches = ZONES.map((zoneId, zone) => ({ zoneId, cidrBlock: `192.168.${zone}.0/24` }))
  if (network === 'flannel') return { network, clusterCidrs: ['10.244.0.0/16'], vSwitches }
  if (network !== 'terway-eniip') {
    throw new FairleadError('USAGE', `Cannot run the network ${network}: give ${POD_NETWORKS.join(' or ')}`)
  }
  const forPods = ZONES.map((zoneId, zone) => ({
    name: podVSwitch(zoneId),
    zoneId,
    cidrBlock: `192.168.${POD_VSWITCH_START + zone * POD_VSWITCH_STEP}.0/19`,
  }))
  return { network, clusterCidrs: [], vSwitches: [...vSwitches, ...forPods] }
}

/** @throws FairleadError `USAGE` for sizes of a pool that the network does not have. */
function poolOf(options: ClusterOptions): Pick<ClusterSpec, 'pool'> {
  const pool = poolSizes(options, DEFAULT_POOL)
  if (pool === undefined) return {}
  if (options.network === 'terway-eniip') return { pool }
  throw new FairleadError(
    'USAGE',
    'Cannot keep addresses ready under flannel: pool sizes and --max-eni are for --network terway-eniip',
  )
}

/** Name of the vSwitch that the pods of a zone's nodes have addresses of. */
export function podVSwitch(zone: string): string {
  return `${zone}-pods`
}

function dnsUpstreamsOf(upstreams: readonly string[]): Pick<ClusterSpec, 'dnsUpstreams'> {
  for (const text of upstreams) {
    const [, six, four] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(text) ?? []
    if (addressFamily(six ?? four ?? text) === undefined) {
      throw new FairleadError('USAGE', `Cannot ask '${text}' for names: give an IP address, with a port or without`)
    }
  }
  return upstreams.length === 0 ? {} : { dnsUpstreams: upstreams }
}

/** @throws FairleadError `USAGE` when `name` cannot name a cluster. */
export function requireClusterName(name: string): void {
  if (NAME_PATTERN.test(name)) return
  throw new FairleadError(
    'USAGE',
    `Cannot name a cluster '${name}': give 1 to 20 lower-case letters, digits and dashes, a letter first and no dash last`,
  )
}

/** Nodes go round the zones, a vSwitch in each: 192.168.<zone>.<host>. */
function nodeSpec(index: number, instanceType: string): NodeSpec {
  const zone = index % ZONES.length
  const host = FIRST_HOST + Math.floor(index / ZONES.length)
  return {
    name: `node-${index + 1}`,
    zone: ZONES[zone] ?? ZONES[0],
    address: `192.168.${zone}.${host}`,
    publicAddress: `203.0.113.${FIRST_HOST + index}`,
    instanceType,
  }
}
