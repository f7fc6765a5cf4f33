import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Registry } from 'prom-client'
import { aborted } from '../base/aborted.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { createAccessTransport } from '../kube/access-transport.ts'
import { inClusterAccess } from '../kube/in-cluster.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'
import { runAsLeader } from '../kube/leader-election.ts'
import { createClient } from '../kube/rest-client.ts'
import type { Transport } from '../kube/transport.ts'
import { endpointsOf } from './api/endpoints.ts'
import { createPopClient } from './api/pop-client.ts'
import { type CcmFlags, controllerOptions, leaseOf, withFlags } from './ccm-flags.ts'
import { loadCloudConfig } from './cloud-config.ts'
import { startCloudController } from './cloud-controller.ts'
import { chooseKeys } from './credentials/choose-keys.ts'
import { servePages } from './program-server.ts'
import { tokenBucket } from './token-bucket.ts'

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly clock?: Clock
  /** Aborts when the program is asked to end. */
  readonly signal: AbortSignal
  /** Called once, with where health and metrics are served. */
  readonly onListening?: (places: { readonly health: string | undefined; readonly metrics: string | undefined }) => void
}

/**
 * Runs the cloud controller until it is asked to end, or another one leads.
 *
 * @throws FairleadError `NOT_FOUND`, `INVALID_INPUT` for files and flags that cannot be used, `PORT_TAKEN`,
 *   `NOT_RUNNING` when the lead is lost.
 */
export async function runCcm(
  flags: CcmFlags,
  { env, log, clock = systemClock, signal, onListening }: Surroundings,
): Promise<void> {
  const options = controllerOptions(flags)
  const config = withFlags(await loadCloudConfig(flags.cloudConfig, env), flags)
  const imds = flags.enableImdsv2 === undefined ? {} : { imdsV2: flags.enableImdsv2 }
  const keys = chooseKeys({ config, env, clock, log, ...imds })
  // Who has none is told now, not by every Service.
  await keys()
  const access = flags.kubeconfig === undefined ? inClusterAccess(env) : await loadKubeconfig(flags.kubeconfig)
  const server = flags.master === undefined ? {} : { server: flags.master }
  using transport = createAccessTransport({ ...access, ...server })
  const client = createClient(limited(transport, flags, clock), { userAgent: 'fairlead-ccm' })
  const api = createPopClient({
    access: { region: config.region, clusterId: config.clusterId, endpoints: endpointsOf(config.region, env), keys },
    ...(flags.maxConcurrentActions === undefined ? {} : { maxConcurrent: flags.maxConcurrentActions }),
    ...(flags.maxThrottlingRetryTimes === undefined ? {} : { maxThrottlingRetries: flags.maxThrottlingRetryTimes }),
    clock,
  })
  const { createRegistry } = await import('./metrics/prometheus-metrics.ts')
  const { registry, metrics } = createRegistry(clock)
  const served = await servePlaces(flags, registry)
  await using _health = served.health
  await using _metrics = served.metrics
  const places = { health: served.health.address, metrics: served.metrics.address }
  onListening?.(places)
  log.info(
    { region: config.region, cluster: config.clusterId, compat: options.compat, ...places },
    'Cloud controller starts',
  )
  const lead = async (leading: AbortSignal) => {
    await using controller = startCloudController({ ...options, client, api, config, metrics, clock, log })
    controller.synced.catch(() => {})
    await aborted(leading)
  }
  if (flags.leaderElect === false) return lead(signal)
  const identity = `${hostname()}_${randomUUID()}`
  const election = { client, ...leaseOf(flags), identity, clock, log }
  const { lost } = await runAsLeader(election, lead, signal)
  if (!lost) return
  const lease = `${election.namespace}/${election.name}`
  throw new FairleadError('NOT_RUNNING', `The Lease ${lease} was lost: another cloud controller leads`)
}

/** Holds requests to the API server back when flags want so. */
function limited(transport: Transport, { kubeApiQps, kubeApiBurst }: CcmFlags, clock: Clock): Transport {
  if (kubeApiQps === undefined || kubeApiQps <= 0) return transport
  const burst = kubeApiBurst ?? Math.ceil(kubeApiQps)
  const waitOf = tokenBucket({ perSecond: kubeApiQps, burst, clock })
  return {
    async request(request) {
      const wait = waitOf()
      if (wait > 0) await clock.sleep(wait, request.signal)
      return transport.request(request)
    },
  }
}

/** Where the program listens, once it does. */
async function servePlaces(flags: CcmFlags, registry: Pick<Registry, 'contentType' | 'metrics'>) {
  const ok = async () => ({ type: 'text/plain', body: 'ok' })
  const healthPlace = flags.healthzBindAddress ?? flags.healthProbeBindAddr ?? ':10258'
  const health = await servePages(healthPlace, '--health-probe-bind-addr', {
    '/healthz': ok,
    '/livez': ok,
    '/readyz': ok,
  })
  try {
    const metrics = await servePages(flags.metricsBindAddr ?? ':8080', '--metrics-bind-addr', {
      '/metrics': async () => ({ type: registry.contentType, body: await registry.metrics() }),
    })
    return { health, metrics }
  } catch (error) {
    await health[Symbol.asyncDispose]()
    throw error
  }
}
