import { FairleadError } from '../base/error.ts'
import { addressFamily } from '../base/ip.ts'
import type { ProxyMode } from '../proxy/server/proxy-configuration.ts'

/** What a cluster is made of: decided once at `up`, kept beside its data, the same for every process of it. */
export interface ClusterSpec {
  readonly name: string
  readonly nodes: readonly NodeSpec[]
  /** Port of the API server on 127.0.0.1; 0 for any free one. */
  readonly apiPort: number
  readonly serviceCidrs: readonly string[]
  readonly clusterCidrs: readonly string[]
  /** How load-balancer addresses are treated inside the cluster: upstream's way, or that of ACK's IPVS mode. */
  readonly proxyMode: ProxyMode
  readonly vpcCidr: string
  readonly clusterDomain: string
  /** Address of the cluster's DNS Service. */
  readonly dnsAddress: string
  /** Whom the cluster's DNS asks for names of others, as pods reach them; nobody when left out. */
  readonly dnsUpstreams?: readonly string[]
}

export interface NodeSpec {
  readonly name: string
  readonly zone: string
  /** Private address in the VPC, without prefix. */
  readonly address: string
  /** Public address bound to it. */
  readonly publicAddress: string
}

export interface ClusterOptions {
  /** Addresses, with ports or without. @default none */
  readonly dnsUpstream?: readonly string[]
  readonly name?: string
  /** How many nodes. @default 3 */
  readonly nodes?: number
  /** @default 6443 */
  readonly apiPort?: number
  /** @default 'nftables' */
  readonly proxyMode?: string
}

export const DEFAULT_CLUSTER = 'dev'
const DEFAULT_API_PORT = 6443
const MAXIMUM_NODES = 60
const ZONES = ['zone-a', 'zone-b', 'zone-c'] as const
const FIRST_HOST = 11
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
  return {
    name,
    proxyMode,
    nodes: Array.from({ length: nodes }, (_, index) => nodeSpec(index)),
    apiPort,
    serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    clusterCidrs: ['10.244.0.0/16'],
    vpcCidr: '192.168.0.0/16',
    clusterDomain: 'cluster.local',
    dnsAddress: '10.96.0.10',
    ...dnsUpstreamsOf(options.dnsUpstream ?? []),
  }
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
function nodeSpec(index: number): NodeSpec {
  const zone = index % ZONES.length
  const host = FIRST_HOST + Math.floor(index / ZONES.length)
  return {
    name: `node-${index + 1}`,
    zone: ZONES[zone] ?? ZONES[0],
    address: `192.168.${zone}.${host}`,
    publicAddress: `203.0.113.${FIRST_HOST + index}`,
  }
}
