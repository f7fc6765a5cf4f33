/**
 * UDP connections that lead to endpoints which do not serve any more. UDP has no end, so the kernel would go on sending
 * a busy client's packets to where nobody is.
 * Source: kube-proxy pkg/proxy/conntrack/cleanup.go
 */
import type { ConntrackEntry, ConntrackSocket } from '../linux/conntrack.ts'
import { backendData, frontendKey, PROTOCOL_NUMBERS, textOf } from './encoding.ts'
import { FAMILIES, type PortPlan } from './service-plan.ts'

/** Connection table as far as the proxy uses it. */
export type Connections = Pick<ConntrackSocket, 'list' | 'delete'>

/**
 * Forgets the UDP connections to addresses of these ports whose endpoint is none of those that serve. Ports without an
 * endpoint that serves are left alone, as upstream does.
 *
 * @returns Number of connections forgotten.
 */
export function forgetStaleConnections(connections: Connections, plans: Iterable<PortPlan>): number {
  const serving = servingByFrontend(plans)
  if (serving.size === 0) return 0
  let forgotten = 0
  for (const family of FAMILIES) {
    for (const entry of connections.list(family, PROTOCOL_NUMBERS.UDP)) {
      if (isStale(entry, serving) && connections.delete(entry)) forgotten += 1
    }
  }
  return forgotten
}

/** Serving endpoints, as `addr . port`, by the key of each frontend. */
function servingByFrontend(plans: Iterable<PortPlan>): Map<string, Set<string>> {
  const serving = new Map<string, Set<string>>()
  for (const { frontends, serving: backends = [], protocol } of plans) {
    if (protocol !== 'UDP' || backends.length === 0) continue
    const data = new Set(backends.map(({ address, port }) => backendData(address, port)))
    for (const { address, port } of frontends) serving.set(frontendKey(address, protocol, port), data)
  }
  return serving
}

function isStale({ original, reply }: ConntrackEntry, serving: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const backends = serving.get(textOf(frontendBytes(original)))
  return backends !== undefined && !backends.has(textOf(backendBytes(reply)))
}

function frontendBytes({ destination, protocol, destinationPort }: ConntrackEntry['original']): Buffer {
  const rest = Buffer.alloc(8)
  rest.writeUInt8(protocol, 0)
  rest.writeUInt16BE(destinationPort, 4)
  return Buffer.concat([destination, rest])
}

function backendBytes({ source, sourcePort }: ConntrackEntry['reply']): Buffer {
  const rest = Buffer.alloc(4)
  rest.writeUInt16BE(sourcePort, 0)
  return Buffer.concat([source, rest])
}
