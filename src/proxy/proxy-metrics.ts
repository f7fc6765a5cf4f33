import type { Family } from './service-plan.ts'

/** What the proxy reports; `prometheus-metrics.ts` keeps it under kube-proxy's names. */
export interface ProxyMetrics {
  /** A change was seen and waits for the next transaction. */
  queued(object: 'service' | 'endpoints'): void
  /** @param kind `full`: everything was compared; `partial`: what changed was sent. */
  synced(kind: 'full' | 'partial', seconds: number): void
  syncFailed(): void
  /** @param seconds From the change of pods that led to an EndpointSlice until the kernel had it. */
  programmed(seconds: number): void
  /** @param deleted Connections forgotten. */
  connectionsChecked(seconds: number, deleted: number): void
  /** Service ports with policy Local and no endpoint on this node, while others have some. */
  withoutLocalEndpoints(family: Family, policy: 'internal' | 'external', ports: number): void
}

export const noMetrics: ProxyMetrics = {
  queued() {},
  synced() {},
  syncFailed() {},
  programmed() {},
  connectionsChecked() {},
  withoutLocalEndpoints() {},
}
