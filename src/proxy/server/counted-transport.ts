import type { Transport, TransportRequest, TransportResponse } from '../../kube/transport.ts'

export interface RequestFigures {
  /** The status, or `<error>` when there was no answer. */
  readonly code: string
  readonly method: string
  readonly host: string
  /** Until the answer began. */
  readonly seconds: number
}

export interface RequestMetrics {
  requested(figures: RequestFigures): void
}

/** A transport whose requests are counted. @param host Of the API server, as `127.0.0.1:6443`. */
export function countedTransport(transport: Transport, host: string, metrics: RequestMetrics): Transport {
  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      const begin = performance.now()
      const report = (code: string) =>
        metrics.requested({ code, method: request.method, host, seconds: (performance.now() - begin) / 1000 })
      try {
        const response = await transport.request(request)
        report(String(response.status))
        return response
      } catch (error) {
        report('<error>')
        throw error
      }
    },
  }
}
