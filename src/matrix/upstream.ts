/** Where Kubernetes itself does other than the document says, and why. */
import type { Setting, Upstream } from './cell.ts'
import type { ClientClass } from './clients.ts'
import { type Policy, VALUES } from './documented.ts'

/**
 * Access to a load balancer's address from inside. kube-proxy's nftables and iptables modes take what the node's own
 * processes, and pods that they can tell, send to an address of policy Local as if it had gone out and come back: it
 * reaches all endpoints (pkg/proxy/nftables/proxier.go, chain `external-`). Pods are told by the node's pod range, which
 * nodes under Terway do not have (`--detect-local-mode`). IPVS does as the document says.
 */
export function upstreamAccess(setting: Setting, policy: Policy, client: ClientClass): Upstream | undefined {
  if (policy === 'Cluster' || setting.proxyMode === 'ipvs' || client.besideBackend !== false) return undefined
  if (client.isNode !== true && setting.network === 'terway-eniip') return undefined
  const who = client.isNode === true ? "the node's own processes" : 'pods of the node'
  return {
    value: VALUES.reachable,
    line: `kube-proxy in nftables mode sends what ${who} send to the address of a Local Service to all endpoints, as if it had gone out and come back; --proxy-mode ipvs does as documented`,
    holds: true,
  }
}

/** kube-proxy's nftables mode picks endpoints at random; IPVS in turn. Fairlead does so in both modes. */
export function upstreamScheduling({ proxyMode }: Setting): Upstream | undefined {
  if (proxyMode === 'ipvs') return undefined
  return {
    value: 'random',
    line: 'kube-proxy in nftables mode picks an endpoint at random (numgen random); Fairlead takes turns in both modes, as documented',
    holds: false,
  }
}

/** The document says nothing of these; the specification of cluster DNS and the addresses' own nature do. */
export const SILENT = {
  headlessNodes: {
    value: VALUES.reachable,
    line: "the document speaks of pods only; a node that asks the cluster's DNS finds the pods too",
    holds: true,
  },
  headlessInternet: {
    value: VALUES.unreachable,
    line: "the document speaks of pods only; the internet reaches neither the cluster's DNS nor addresses of pods",
    holds: true,
  },
  externalNodes: {
    value: VALUES.reachable,
    line: "the document speaks of pods only; a node that asks the cluster's DNS finds the external name too",
    holds: true,
  },
  externalInternet: {
    value: VALUES.unreachable,
    line: "the document speaks of pods only; the internet cannot ask the cluster's DNS for the internal name",
    holds: true,
  },
} as const satisfies Readonly<Record<string, Upstream>>
