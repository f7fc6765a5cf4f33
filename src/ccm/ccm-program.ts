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
import { endpointsOf } from './api/endpoints.ts'
import { createPopClient } from './api/pop-client.ts'
import { type CloudConfig, loadCloudConfig, readGates } from './cloud-config.ts'
import { type CloudControllerOptions, type ControllerName, startCloudController } from './cloud-controller.ts'
import { servePages } from './program-server.ts'

/** What the program is started with: the flags of ACK's controller that mean something here, and our own. */
export interface CcmFlags {
  readonly kubeconfig?: string
  readonly master?: string
  readonly cloudConfig: string
  /** `service,nlb,node,route`, `*` for all, `-name` for all but one. */
  readonly controllers?: string
  readonly concurrentServiceSyncs?: number
  readonly sgBatchSize?: number
  readonly maxConcurrentActions?: number
  readonly maxThrottlingRetryTimes?: number
  /** Milliseconds. */
  readonly nodeMonitorPeriod?: number
  readonly routeReconciliationPeriod?: number
  readonly configureCloudRoutes?: boolean
  readonly clusterCidr?: string
  readonly featureGates?: string
  readonly dryRun?: boolean
  readonly leaderElect?: boolean
  /** `:8080`; empty or 0: nowhere. */
  readonly metricsBindAddr?: string
  /** `:10258`; empty or 0: nowhere. */
  readonly healthProbeBindAddr?: string
  /** The same, under its former name. */
  readonly healthzBindAddress?: string
  readonly ccmCompat?: boolean
  readonly driftPeriod?: number
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly clock?: Clock
  /** Aborts when the program is asked to end. */
  readonly signal: AbortSignal
  /** Called once, with where health and metrics are served. */
  readonly onListening?: (places: { readonly health: string | undefined; readonly metrics: string | undefined }) => void
}

const CONTROLLERS: readonly ControllerName[] = ['service', 'nlb', 'node', 'route']
const MAXIMUM_BATCH = 40
const BATCH_FOR_NONSENSE = 39
const SHORTEST_ROUTE_PERIOD_MS = 60_000

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
  const config = withFlags(await loadCloudConfig(flags.cloudConfig, env), flags)
  const options = controllerOptions(flags)
  const access = flags.kubeconfig === undefined ? inClusterAccess(env) : await loadKubeconfig(flags.kubeconfig)
  const server = flags.master === undefined ? {} : { server: flags.master }
  using transport = createAccessTransport({ ...access, ...server })
  const client = createClient(transport, { userAgent: 'fairlead-ccm' })
  const api = createPopClient({
    access: { ...config, endpoints: endpointsOf(config.region, env) },
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
  const election = { client, namespace: 'kube-system', name: 'ccm', identity, clock, log }
  const { lost } = await runAsLeader(election, lead, signal)
  if (lost) throw new FairleadError('NOT_RUNNING', 'The Lease kube-system/ccm was lost: another cloud controller leads')
}

function withFlags(config: CloudConfig, flags: CcmFlags): CloudConfig {
  const { concurrentServiceSyncs, nodeMonitorPeriod, featureGates = '' } = flags
  return {
    ...config,
    ...(concurrentServiceSyncs === undefined ? {} : { serviceMaxConcurrentReconciles: concurrentServiceSyncs }),
    ...(nodeMonitorPeriod === undefined ? {} : { nodeMonitorPeriodSeconds: nodeMonitorPeriod / 1_000 }),
    featureGates: { ...config.featureGates, ...readGates(featureGates) },
  }
}

/** What flags say of the controllers. @throws FairleadError `INVALID_INPUT` */
export function controllerOptions(flags: CcmFlags): Omit<CloudControllerOptions, 'client' | 'api' | 'config' | 'log'> {
  const controllers = controllersOf(flags.controllers ?? '*')
  const routes = flags.configureCloudRoutes !== false && controllers.includes('route')
  if (routes && flags.clusterCidr === undefined) {
    throw new FairleadError('INVALID_INPUT', 'Cannot write routes: there is no --cluster-cidr', {
      hint: 'Give the range of pods with --cluster-cidr, or --configure-cloud-routes=false',
    })
  }
  const batch = flags.sgBatchSize ?? MAXIMUM_BATCH
  return {
    controllers,
    compat: flags.ccmCompat === true,
    dryRun: flags.dryRun === true,
    batchSize: batch <= 0 ? BATCH_FOR_NONSENSE : Math.min(batch, MAXIMUM_BATCH),
    ...(routes && flags.clusterCidr !== undefined ? { clusterCidr: flags.clusterCidr } : {}),
    ...(flags.driftPeriod === undefined ? {} : { driftPeriodMs: flags.driftPeriod }),
    ...(flags.routeReconciliationPeriod === undefined
      ? {}
      : { routePeriodMs: Math.max(flags.routeReconciliationPeriod, SHORTEST_ROUTE_PERIOD_MS) }),
  }
}

function controllersOf(text: string): readonly ControllerName[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => name !== '*' && !CONTROLLERS.some((one) => one === name.replace(/^-/, '')))
  if (unknown !== undefined) {
    throw new FairleadError(
      'INVALID_INPUT',
      `There is no controller '${unknown}': give some of ${CONTROLLERS.join(', ')}`,
    )
  }
  return CONTROLLERS.filter((name) => !names.includes(`-${name}`) && (names.includes('*') || names.includes(name)))
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
