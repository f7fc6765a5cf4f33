import type { BilledResource, UsageHour, UsageTraffic } from './usage.ts'

const GIGABYTE = 1_000_000_000

/** What one LCU of TCP holds in an hour ("NLB billing rules"). */
const TCP_UNIT = { newConnectionsPerSecond: 800, activeConnections: 100_000, bytes: GIGABYTE } as const

/**
 * How many load balancer capacity units (LCU) an NLB instance used in an hour: of new connections, connections at once
 * and bytes what makes the most. `undefined` when it carried UDP or TCPSSL, whose units are not known here.
 */
export function capacityUnits(
  protocols: (BilledResource & { kind: 'network-load-balancer' })['protocols'],
  traffic: UsageHour['traffic'],
): number | undefined {
  const parts = Object.entries(traffic)
  if (parts.some(([key]) => protocols[key] !== undefined && protocols[key] !== 'TCP')) return undefined
  const sum = (read: (part: UsageTraffic) => number) => parts.reduce((total, [, part]) => total + read(part), 0)
  return Math.max(
    sum(({ newConnectionsPerSecond = 0 }) => newConnectionsPerSecond) / TCP_UNIT.newConnectionsPerSecond,
    sum(({ activeConnections }) => activeConnections) / TCP_UNIT.activeConnections,
    sum(({ inBytes, outBytes }) => inBytes + outBytes) / TCP_UNIT.bytes,
  )
}
