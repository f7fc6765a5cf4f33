import { addressFamily, canonicalAddress, formatCidr, parseCidr } from '../../base/ip.ts'
import type { Node } from '../../kube/types/core.ts'

const PREFIX = 'flannel.alpha.coreos.com'
const KEYS = {
  4: { data: `${PREFIX}/backend-data`, publicIp: `${PREFIX}/public-ip` },
  6: { data: `${PREFIX}/backend-v6-data`, publicIp: `${PREFIX}/public-ipv6` },
} as const
const TYPE_KEY = `${PREFIX}/backend-type`
const MANAGER_KEY = `${PREFIX}/kube-subnet-manager`

/** VXLAN network identifier of the overlay. */
export const VNI = 1
/** UDP port of the overlay: the kernel's own default, which Flannel keeps. */
export const VXLAN_PORT = 8472

/** What a node tells its peers: which pods it has, and how to reach it. */
export interface Lease {
  readonly nodeName: string
  /** Pods of the node, canonical. */
  readonly podCidr: string
  /** Ethernet address of its tunnel device. */
  readonly vtepMac: string
  /** Where its tunnel ends. */
  readonly publicIp: string
}

/** What one node announces for one family. */
export type Announcement = Pick<Lease, 'vtepMac' | 'publicIp'>

/** The lease in a Node's annotations; undefined while it has none, or when it is not of a VXLAN overlay. */
export function leaseOf(node: Node, family: 4 | 6): Lease | undefined {
  const annotations = node.metadata.annotations ?? {}
  if (annotations[TYPE_KEY] !== 'vxlan' || annotations[MANAGER_KEY] !== 'true') return undefined
  const publicIp = canonicalAddress(annotations[KEYS[family].publicIp] ?? '')
  const vtepMac = readMac(annotations[KEYS[family].data])
  const podCidr = podCidrOf(node, family)
  if (publicIp === undefined || addressFamily(publicIp) !== family) return undefined
  if (vtepMac === undefined || podCidr === undefined) return undefined
  return { nodeName: node.metadata.name, podCidr, vtepMac, publicIp }
}

/** The annotations that announce a node, as Flannel writes them. */
export function leaseAnnotations(
  announcements: Readonly<Partial<Record<4 | 6, Announcement | undefined>>>,
): Record<string, string> {
  const annotations: Record<string, string> = { [TYPE_KEY]: 'vxlan', [MANAGER_KEY]: 'true' }
  for (const family of [4, 6] as const) {
    const announcement = announcements[family]
    if (announcement === undefined) continue
    annotations[KEYS[family].data] = JSON.stringify({ VNI, VtepMAC: announcement.vtepMac })
    annotations[KEYS[family].publicIp] = announcement.publicIp
  }
  return annotations
}

function podCidrOf(node: Node, family: 4 | 6): string | undefined {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = node.spec ?? {}
  for (const text of podCIDRs) {
    const cidr = parseCidr(text)
    if (cidr?.family === family) return formatCidr(cidr)
  }
  return undefined
}

function readMac(data: string | undefined): string | undefined {
  if (data === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    // Not ours: somebody else's annotation, or damaged. The node is then no peer.
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { VNI: vni, VtepMAC: mac } = value as { VNI?: unknown; VtepMAC?: unknown }
  if (vni !== VNI || typeof mac !== 'string' || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) return undefined
  return mac.toLowerCase()
}
