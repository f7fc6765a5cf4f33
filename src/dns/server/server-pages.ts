import { hostPort } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import type { BlockConfig } from '../corefile/server-config.ts'
import type { QueryRecord } from './query-log.ts'
import { StatusPages } from './status-pages.ts'

/** What the pages of `health`, `ready` and `prometheus` say. */
export interface PageContents {
  /** @param isContinuous Whether names that are not known again after a reload count. */
  isReady(isContinuous: boolean): boolean
  queries(): readonly QueryRecord[]
  metricsText(): Promise<string>
}

/** The pages that the directives of some blocks ask for. */
export interface ServerPages extends AsyncDisposable {
  /** What was asked for. */
  readonly key: string
}

/** Opens pages at the addresses that the directives name; where nothing else is asked for, `old` stays as it is. */
export async function openPages(
  old: ServerPages | undefined,
  configs: readonly BlockConfig[],
  { log, ...contents }: PageContents & { readonly log: Log },
): Promise<ServerPages> {
  const key = JSON.stringify(configs.map(({ health, ready, prometheus }) => [health, ready, prometheus]))
  if (old?.key === key) return old
  await old?.[Symbol.asyncDispose]()
  const server = new StatusPages()
  const open = new Set<string>()
  for (const { health, ready, prometheus } of configs) {
    for (const [address, pages] of [
      [health, healthPages(contents)],
      [ready, { '/ready': () => (contents.isReady(ready?.isContinuous === true) ? OK : UNREADY) }],
      [prometheus, { '/metrics': async () => ({ code: 200, text: await contents.metricsText(), type: METRICS_TYPE }) }],
    ] as const) {
      if (address === undefined || open.has(`${address.host}:${address.port}`)) continue
      open.add(`${address.host}:${address.port}`)
      const port = await server.open(address, pages)
      for (const path of Object.keys(pages)) log.info({ url: urlOf(address.host, port, path) }, 'Page is served')
    }
  }
  return Object.assign(server, { key })
}

function urlOf(host: string, port: number, path: string): string {
  return `http://${hostPort(host === '' ? '0.0.0.0' : host, port)}${path}`
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const OK = { code: 200, text: 'OK' }
const UNREADY = { code: 503, text: 'kubernetes' }

function healthPages({ queries }: PageContents) {
  return {
    '/health': () => OK,
    '/queries': () => ({ code: 200, text: JSON.stringify(queries()), type: 'application/json' }),
  }
}
