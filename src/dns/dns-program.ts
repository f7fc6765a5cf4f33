import { existsSync } from 'node:fs'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { ClusterAccess } from './cluster-access.ts'
import { startCorefileServer } from './corefile-server.ts'

export interface DnsProgramOptions {
  /** Path of the Corefile. @default Corefile */
  readonly conf?: string
  /** @default that of the Corefile, else the pod's service account */
  readonly kubeconfig?: string
  /** For server blocks without a port. @default 53 */
  readonly dnsPort?: number
  /** Threads that answer. @default 1 */
  readonly workers?: number
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly clock?: Clock
  readonly writeLine: (line: string) => void
  /** Resolves when the program is asked to end. */
  readonly asked: Promise<unknown>
}

const DEFAULT_COREFILE = 'Corefile'

/**
 * Runs a DNS server until it is asked to end; then it goes on answering for as long as `health` says (lameduck).
 *
 * @throws FairleadError `NOT_FOUND` and `INVALID_INPUT` for files that cannot be used, `PORT_TAKEN`, `CHECK_FAILED` for
 *   a circle of forwarding.
 */
export async function runDns(options: DnsProgramOptions, surroundings: Surroundings): Promise<void> {
  const { env, log, clock = systemClock, writeLine, asked } = surroundings
  const path = options.conf ?? DEFAULT_COREFILE
  if (!existsSync(path)) {
    throw new FairleadError('NOT_FOUND', `Cannot start the DNS server: there is no ${path}`, {
      hint: 'Give a Corefile with --conf',
    })
  }
  const ports = options.dnsPort === undefined ? {} : { defaultPort: options.dnsPort }
  using access = new ClusterAccess(options.kubeconfig, env)
  const looped = deferredText()
  await using server = await startCorefileServer({
    path,
    env,
    ...ports,
    client: (config) => access.client(config),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    log,
    clock,
    writeLine,
    onLoop: looped.tell,
  })
  log.info({ ports: server.ports }, 'DNS server listens')
  const loop = looped.told.then((text) => new FairleadError('CHECK_FAILED', `plugin/loop: ${text}`))
  const failure = await Promise.race([asked.then(() => undefined), loop, server.failed])
  if (failure !== undefined) throw failure
  log.info('DNS server stops')
  await server.lameduck()
}

function deferredText(): { readonly told: Promise<string>; readonly tell: (text: string) => void } {
  let tell = (_: string) => {}
  const told = new Promise<string>((resolve) => {
    tell = resolve
  })
  return { told, tell: (text) => tell(text) }
}
