import { addressFamily, canonicalAddress } from '../base/ip.ts'
import type { Node } from '../kube/types/core.ts'
import type { PodInterfaces } from './pod-interfaces.ts'

/**
 * Whose way of treating load-balancer addresses inside the cluster: upstream's, or that of IPVS, which binds them to the
 * node. Both are nf_tables in the kernel.
 */
export type ProxyMode = 'nftables' | 'ipvs'

/** Label of a node's zone. */
const ZONE = 'topology.kubernetes.io/zone'

/** What the proxy must know of the node it runs on. */
export interface NodeView {
  readonly name: string
  /** Primary address per family, canonical. */
  readonly addresses: readonly string[]
  /** Where NodePorts answer, canonical. @default addresses */
  readonly nodePortAddresses?: readonly string[]
  /** Left out when the node has no label for it. */
  readonly zone?: string
  /** @default 'nftables' */
  readonly mode?: ProxyMode
  /** Whoever asks a ClusterIP is masqueraded, pods of this node too. @default false */
  readonly masqueradeAll?: boolean
  /** Ranges of the pods on this node; empty when unknown (pods have addresses of the VPC, or the node is new). */
  readonly podCidrs: readonly string[]
  /** Tells the pods of this node instead of their ranges. */
  readonly podInterfaces?: PodInterfaces
}

/** The view of a node; of one that does not exist (yet) its name only. */
export function nodeView(name: string, node: Node | undefined): NodeView {
  const zone = node?.metadata.labels?.[ZONE]
  return {
    name,
    addresses: primaryAddresses(node),
    podCidrs: podCidrsOf(node),
    ...(zone === undefined || zone === '' ? {} : { zone }),
  }
}

/** Whether Services mean something else on the node as it is now than as it was. */
export function changesServices(now: NodeView, before: NodeView): boolean {
  const parts = ({ addresses, nodePortAddresses, podCidrs, podInterfaces, zone, mode, masqueradeAll }: NodeView) =>
    JSON.stringify([addresses, nodePortAddresses, podCidrs, podInterfaces, zone, mode, masqueradeAll])
  return parts(now) !== parts(before)
}

/** The first address of each family, InternalIP before ExternalIP, as upstream chooses the node IPs. */
function primaryAddresses(node: Node | undefined): string[] {
  const all = node?.status?.addresses ?? []
  const ranked = [
    ...all.filter(({ type }) => type === 'InternalIP'),
    ...all.filter(({ type }) => type === 'ExternalIP'),
  ]
  const chosen = new Map<number, string>()
  for (const { address } of ranked) {
    const family = addressFamily(address)
    const canonical = canonicalAddress(address)
    if (family !== undefined && canonical !== undefined && !chosen.has(family)) chosen.set(family, canonical)
  }
  return [...chosen.values()]
}

function podCidrsOf(node: Node | undefined): readonly string[] {
  const spec = node?.spec
  if (spec?.podCIDRs !== undefined && spec.podCIDRs.length > 0) return spec.podCIDRs
  return spec?.podCIDR === undefined || spec.podCIDR === '' ? [] : [spec.podCIDR]
}
