import { existsSync } from 'node:fs'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { createAccessTransport } from '../kube/access-transport.ts'
import type { Client } from '../kube/client.ts'
import type { HttpsTransport } from '../kube/https-transport.ts'
import { inClusterAccess } from '../kube/in-cluster.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'
import { createClient } from '../kube/rest-client.ts'
import { loadCorefile } from './corefile/load-corefile.ts'
import { startCorefileServer } from './corefile-server.ts'

export interface DnsProgramOptions {
  /** Path of the Corefile. @default Corefile */
  readonly conf?: string
  /** @default that of the Corefile, else the pod's service account */
  readonly kubeconfig?: string
  /** For server blocks without a port. @default 53 */
  readonly dnsPort?: number
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
  const { blocks } = loadCorefile(path, { env, ...ports })
  const named = blocks.find(({ kubernetes }) => kubernetes?.kubeconfig !== undefined)?.kubernetes?.kubeconfig
  const kubeconfig = options.kubeconfig ?? named?.path
  const isNeeded = blocks.some(({ kubernetes }) => kubernetes !== undefined)
  using transport = isNeeded ? await connect(kubeconfig, named?.context, env) : undefined
  const looped = deferredText()
  await using server = await startCorefileServer({
    path,
    env,
    ...ports,
    client: () => clientOf(transport),
    log,
    clock,
    writeLine,
    onLoop: looped.tell,
  })
  log.info({ ports: server.ports }, 'DNS server listens')
  const ended = await Promise.race([asked.then(() => undefined), looped.told])
  if (ended !== undefined) throw new FairleadError('CHECK_FAILED', `plugin/loop: ${ended}`)
  log.info('DNS server stops')
  await server.lameduck()
}

async function connect(
  kubeconfig: string | undefined,
  context: string | undefined,
  env: Surroundings['env'],
): Promise<HttpsTransport> {
  return createAccessTransport(
    kubeconfig === undefined ? inClusterAccess(env) : await loadKubeconfig(kubeconfig, context),
  )
}

function clientOf(transport: HttpsTransport | undefined): Client {
  if (transport === undefined) {
    throw new FairleadError('INVALID_INPUT', 'The Corefile now needs a cluster: start the DNS server again')
  }
  return createClient(transport, { userAgent: 'fairlead-dns' })
}

function deferredText(): { readonly told: Promise<string>; readonly tell: (text: string) => void } {
  let tell = (_: string) => {}
  const told = new Promise<string>((resolve) => {
    tell = resolve
  })
  return { told, tell: (text) => tell(text) }
}
