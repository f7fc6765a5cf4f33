import { type HttpHandler, json, NOT_FOUND } from './http-listener.ts'
import type { ProxyHealth } from './proxy-health.ts'

/** Counts answers to probes, under upstream's names. */
export interface ProbeMetrics {
  probed(probe: 'healthz' | 'livez', code: number): void
}

/**
 * `/healthz`: should this node get new connections for its Services? 503 when the proxy is behind or the node is going.
 * `/livez`: does the proxy work? 503 when it is behind; a node that goes does not matter (KEP-3836).
 */
export function healthHandler(health: ProxyHealth, metrics: ProbeMetrics): HttpHandler {
  return (path) => {
    if (path !== '/healthz' && path !== '/livez') return NOT_FOUND
    const probe = path === '/healthz' ? 'healthz' : 'livez'
    const { nodeEligible } = health
    const well = health.healthy && (probe === 'livez' || nodeEligible)
    const code = well ? 200 : 503
    metrics.probed(probe, code)
    const { lastUpdated, currentTime, ...rest } = health.report(well)
    return json(code, { lastUpdated, currentTime, ...(probe === 'healthz' ? { nodeEligible } : {}), ...rest })
  }
}
