import { type HttpHandler, json, NOT_FOUND, text } from './http-listener.ts'
import type { ProxyMode } from './proxy-configuration.ts'

/** A registry of prom-client, as far as it is asked. */
export interface MetricsText {
  readonly contentType: string
  metrics(): Promise<string>
}

export interface MetricsServerOptions {
  readonly mode: ProxyMode
  readonly registry: MetricsText
  /** What `/configz` shows. */
  readonly configuration: unknown
}

/** `/metrics`, `/proxyMode`, `/configz` and a `/healthz` that says that somebody listens, as kube-proxy has them. */
export function metricsHandler({ mode, registry, configuration }: MetricsServerOptions): HttpHandler {
  return async (path) => {
    switch (path) {
      case '/metrics':
        return { status: 200, type: registry.contentType, body: await registry.metrics() }
      case '/proxyMode':
        return text(200, mode)
      case '/configz':
        return json(200, { 'kubeproxy.config.k8s.io': configuration })
      case '/healthz':
        return text(200, 'ok')
      default:
        return NOT_FOUND
    }
  }
}
