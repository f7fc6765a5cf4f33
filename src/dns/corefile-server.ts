import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/error.ts'
import { type LoadedCorefile, loadCorefile } from './corefile/load-corefile.ts'
import { type DnsServer, type DnsServerOptions, startDnsServer } from './dns-server.ts'

export interface CorefileServerOptions extends Omit<DnsServerOptions, 'blocks'> {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default 53 */
  readonly defaultPort?: number
}

/**
 * Starts a server by a Corefile; with the directive `reload` it looks for changes of the file (and of what that imports).
 * A Corefile that cannot be read is told in the log, and the one before goes on.
 */
export async function startCorefileServer(options: CorefileServerOptions): Promise<DnsServer> {
  const { path, clock, log } = options
  let loaded = load(options)
  const server = await startDnsServer({ ...options, blocks: loaded.blocks })
  const stopping = new AbortController()
  server.metrics.gauge('coredns_reload_version_info', () => [[{ hash: 'sha512', value: loaded.hash }, 1]])
  const watching = watch()
  return {
    get synced() {
      return server.synced
    },
    metrics: server.metrics,
    failed: server.failed,
    metricsText: () => server.metricsText(),
    threadFigures: () => server.threadFigures(),
    get ports() {
      return server.ports
    },
    reload: (blocks) => server.reload(blocks),
    lameduck: () => server.lameduck(),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await watching
      await server[Symbol.asyncDispose]()
    },
  }

  async function watch(): Promise<void> {
    for (;;) {
      const { intervalMs, jitterMs } = loaded.blocks.find(({ reload }) => reload !== undefined)?.reload ?? {}
      if (intervalMs === undefined || jitterMs === undefined) return
      if (await slept(clock, intervalMs + (options.random ?? Math.random)() * jitterMs, stopping.signal)) return
      await lookAgain()
    }
  }

  async function lookAgain(): Promise<void> {
    try {
      const next = load(options)
      if (next.text === loaded.text) return
      await server.reload(next.blocks)
      loaded = next
      server.metrics.add('coredns_reload_total', {})
      log.info({ path }, 'Corefile reloaded')
    } catch (error) {
      server.metrics.add('coredns_reload_failed_total', {})
      log.error({ path, reason: errorMessage(error) }, 'Corefile cannot be used; the one before stays')
    }
  }
}

function load({ path, env, defaultPort }: CorefileServerOptions): LoadedCorefile {
  return loadCorefile(path, { env, ...(defaultPort === undefined ? {} : { defaultPort }) })
}

/** Whether the signal ended the sleep. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  await clock.sleep(ms, signal).catch(() => {})
  return signal.aborted
}
