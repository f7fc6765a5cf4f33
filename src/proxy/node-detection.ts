/** Settings of one proxy that change what it takes its Node to be. */
import { addressFamily, canonicalAddress } from '../base/ip.ts'
import type { Node } from '../kube/types/core.ts'
import { type NodeView, nodeView } from './node-view.ts'

/** How pods of this node are told from everybody else, under kube-proxy's names. */
export type DetectLocal =
  /** By the Node's own pod ranges. */
  | { readonly mode: 'NodeCIDR' }
  /** By the pod ranges of the whole cluster; a family without one tells nobody. */
  | { readonly mode: 'ClusterCIDR'; readonly cidrs: readonly string[] }
  /** By the interface that their packets come in by: the bridge of all pods. */
  | { readonly mode: 'BridgeInterface'; readonly name: string }
  /** By what the names of their interfaces begin with. */
  | { readonly mode: 'InterfaceNamePrefix'; readonly name: string }

export interface NodeDetection {
  /** @default by the Node's pod ranges */
  readonly detectLocal?: DetectLocal
  /** @default false */
  readonly masqueradeAll?: boolean
  /** Takes the place of the Node's primary address of its family. */
  readonly bindAddress?: string
}

/** The view of a Node under a proxy's settings. */
export function detectedNode(name: string, node: Node | undefined, detection: NodeDetection): NodeView {
  const view = nodeView(name, node)
  const { detectLocal, bindAddress, masqueradeAll = false } = detection
  return {
    ...view,
    ...(bindAddress === undefined ? {} : { addresses: replaced(view.addresses, bindAddress) }),
    ...podsBy(detectLocal),
    ...(masqueradeAll ? { masqueradeAll } : {}),
  }
}

function podsBy(detectLocal: DetectLocal | undefined): Pick<NodeView, 'podInterfaces'> | Pick<NodeView, 'podCidrs'> {
  switch (detectLocal?.mode) {
    case 'ClusterCIDR':
      return { podCidrs: detectLocal.cidrs }
    case 'BridgeInterface':
    case 'InterfaceNamePrefix':
      return { podInterfaces: { name: detectLocal.name, isPrefix: detectLocal.mode === 'InterfaceNamePrefix' } }
    default:
      return {}
  }
}

/** The address comes first: it is the primary one, as upstream has it. */
function replaced(addresses: readonly string[], bindAddress: string): string[] {
  const family = addressFamily(bindAddress)
  return [canonicalAddress(bindAddress) ?? bindAddress, ...addresses.filter((one) => addressFamily(one) !== family)]
}
