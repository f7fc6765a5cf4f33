import { FairleadError } from '../base/error.ts'
import { type CloudConfig, readGates } from './cloud-config.ts'
import type { CloudControllerOptions, ControllerName } from './cloud-controller.ts'

/** What the program is started with: the flags of ACK's controller, and our own. Durations are milliseconds. */
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
  readonly nodeMonitorPeriod?: number
  readonly nodeReconcileBatchSize?: number
  readonly nodeEventAggregationWaitSeconds?: number
  readonly routeReconciliationPeriod?: number
  readonly routeReconcileBatchSize?: number
  readonly configureCloudRoutes?: boolean
  readonly clusterCidr?: string
  readonly featureGates?: string
  readonly enableImdsv2?: boolean
  readonly dryRun?: boolean
  readonly kubeApiQps?: number
  readonly kubeApiBurst?: number
  readonly leaderElect?: boolean
  readonly leaderElectLeaseDuration?: number
  readonly leaderElectRenewDeadline?: number
  readonly leaderElectRetryPeriod?: number
  readonly leaderElectResourceLock?: string
  readonly leaderElectResourceName?: string
  readonly leaderElectResourceNamespace?: string
  /** `:8080`; empty or 0: nowhere. */
  readonly metricsBindAddr?: string
  /** `:10258`; empty or 0: nowhere. */
  readonly healthProbeBindAddr?: string
  /** The same, under its former name. */
  readonly healthzBindAddress?: string
  readonly pprofBindAddr?: string
  readonly cloudProvider?: string
  readonly network?: string
  readonly clusterName?: string
  readonly allocateNodeCidrs?: boolean
  readonly allowUntaggedCloud?: boolean
  readonly useServiceAccountCredentials?: boolean
  readonly skipDisableSourceDestCheck?: boolean
  readonly ccmCompat?: boolean
  readonly driftPeriod?: number
}

const CONTROLLERS: readonly ControllerName[] = ['service', 'nlb', 'node', 'route']
const MAXIMUM_BATCH = 40
const BATCH_FOR_NONSENSE = 39
const MAXIMUM_NODE_BATCH = 100
const SHORTEST_ROUTE_PERIOD_MS = 60_000

/** Values of flags of ACK's controller that this one cannot honour: the flag, what is wrong, and what may be. */
const REFUSALS: readonly {
  readonly flag: string
  readonly value: (flags: CcmFlags) => string | number | boolean | undefined
  readonly isFine: (value: string | number | boolean) => boolean
  readonly wanted: string
}[] = [
  {
    flag: '--cloud-provider',
    value: ({ cloudProvider }) => cloudProvider,
    isFine: (name) => name === 'alibabacloud' || name === '',
    wanted: 'alibabacloud: there is no other cloud',
  },
  { flag: '--network', value: ({ network }) => network, isFine: (name) => name === 'vpc', wanted: 'vpc' },
  {
    flag: '--leader-elect-resource-lock',
    value: ({ leaderElectResourceLock }) => leaderElectResourceLock,
    isFine: (kind) => kind === 'leases',
    wanted: 'leases: the others are gone from Kubernetes',
  },
  {
    flag: '--use-service-account-credentials',
    value: ({ useServiceAccountCredentials }) => useServiceAccountCredentials,
    isFine: (value) => value === false,
    wanted: 'false: all controllers act as one user',
  },
  {
    flag: '--skip-disable-source-dest-check',
    value: ({ skipDisableSourceDestCheck }) => skipDisableSourceDestCheck,
    isFine: (value) => value === true,
    wanted: "true: the source and destination check of machines' interfaces is never touched",
  },
  {
    flag: '--pprof-bind-addr',
    value: ({ pprofBindAddr }) => pprofBindAddr,
    isFine: (place) => place === '' || place === '0',
    wanted: '0: profiles are taken with node --cpu-prof',
  },
  {
    flag: '--max-concurrent-actions',
    value: ({ maxConcurrentActions }) => maxConcurrentActions,
    isFine: (count) => Number(count) > 0,
    wanted: 'a positive integer',
  },
  {
    flag: '--max-throttling-retry-times',
    value: ({ maxThrottlingRetryTimes }) => maxThrottlingRetryTimes,
    isFine: (count) => Number(count) > 0,
    wanted: 'a positive integer',
  },
  {
    flag: '--node-reconcile-batch-size',
    value: ({ nodeReconcileBatchSize }) => nodeReconcileBatchSize,
    isFine: (count) => Number(count) >= 0 && Number(count) <= MAXIMUM_NODE_BATCH,
    wanted: '1 to 100',
  },
  {
    flag: '--route-reconcile-batch-size',
    value: ({ routeReconcileBatchSize }) => routeReconcileBatchSize,
    isFine: (count) => Number(count) >= 0 && Number(count) <= 50,
    wanted: '1 to 50; routes are written one by one',
  },
]

/** What flags say of the controllers. @throws FairleadError `INVALID_INPUT` */
export function controllerOptions(flags: CcmFlags): Omit<CloudControllerOptions, 'client' | 'api' | 'config' | 'log'> {
  checkFlags(flags)
  const controllers = controllersOf(flags.controllers ?? '*')
  const routes = flags.configureCloudRoutes !== false && controllers.includes('route')
  if (routes && flags.clusterCidr === undefined) {
    throw new FairleadError('INVALID_INPUT', 'Cannot write routes: there is no --cluster-cidr', {
      hint: 'Give the range of pods with --cluster-cidr, or --configure-cloud-routes=false',
    })
  }
  const batch = flags.sgBatchSize ?? MAXIMUM_BATCH
  const { nodeEventAggregationWaitSeconds: wait, nodeReconcileBatchSize: nodeBatch } = flags
  return {
    controllers,
    compat: flags.ccmCompat === true,
    dryRun: flags.dryRun === true,
    batchSize: batch <= 0 ? BATCH_FOR_NONSENSE : Math.min(batch, MAXIMUM_BATCH),
    ...(routes && flags.clusterCidr !== undefined ? { clusterCidr: flags.clusterCidr } : {}),
    ...(flags.driftPeriod === undefined ? {} : { driftPeriodMs: flags.driftPeriod }),
    ...(wait === undefined ? {} : { nodeEventWaitMs: Math.max(wait, 0) * 1_000 }),
    ...(nodeBatch === undefined || nodeBatch === 0 ? {} : { nodeBatchSize: nodeBatch }),
    ...(flags.routeReconciliationPeriod === undefined
      ? {}
      : { routePeriodMs: Math.max(flags.routeReconciliationPeriod, SHORTEST_ROUTE_PERIOD_MS) }),
  }
}

function checkFlags(flags: CcmFlags): void {
  for (const { flag, value, isFine, wanted } of REFUSALS) {
    const given = value(flags)
    if (given === undefined || isFine(given)) continue
    throw new FairleadError('INVALID_INPUT', `${flag} has the value '${given}': give ${wanted}`)
  }
  const { leaseMs, renewMs, retryMs } = leaseOf(flags)
  if (leaseMs > renewMs && renewMs > retryMs) return
  const text = `The Lease is to hold ${leaseMs} ms, to be renewed within ${renewMs} ms, and tried every ${retryMs} ms`
  throw new FairleadError('INVALID_INPUT', `${text}: each has to be longer than the next`, {
    hint: 'See --leader-elect-lease-duration, --leader-elect-renew-deadline and --leader-elect-retry-period',
  })
}

/** The Lease that the leader holds, and for how long. */
export function leaseOf(flags: CcmFlags) {
  return {
    namespace: flags.leaderElectResourceNamespace ?? 'kube-system',
    name: flags.leaderElectResourceName ?? 'ccm',
    leaseMs: flags.leaderElectLeaseDuration ?? 15_000,
    renewMs: flags.leaderElectRenewDeadline ?? 10_000,
    retryMs: flags.leaderElectRetryPeriod ?? 2_000,
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

/** The cloud config, with what flags say in its place. @throws FairleadError `INVALID_INPUT` */
export function withFlags(config: CloudConfig, flags: CcmFlags): CloudConfig {
  const { concurrentServiceSyncs, nodeMonitorPeriod, featureGates = '' } = flags
  const gates = { ...config.featureGates, ...readGates(featureGates) }
  if (gates.EndpointSlice === false) {
    const text = "The feature gate EndpointSlice is 'false': give true, Endpoints are not read"
    throw new FairleadError('INVALID_INPUT', text)
  }
  return {
    ...config,
    ...(concurrentServiceSyncs === undefined ? {} : { serviceMaxConcurrentReconciles: concurrentServiceSyncs }),
    ...(nodeMonitorPeriod === undefined ? {} : { nodeMonitorPeriodSeconds: nodeMonitorPeriod / 1_000 }),
    featureGates: gates,
  }
}
