import { type Clock, systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { createEventRecorder, type EventRecorder } from '../kube/event-recorder.ts'
import { InformerSet } from '../kube/informers.ts'
import { type ControlLoop, type RunningControllers, runControllers } from '../kube/run-controllers.ts'
import { awaitJobs } from './api/await-jobs.ts'
import type { CloudApi } from './api/cloud-api.ts'
import type { CloudConfig } from './cloud-config.ts'
import type { ServicePlan } from './desired/service-plan.ts'
import { InformerView } from './informer-view.ts'
import { Interfaces } from './interfaces.ts'
import type { BalancerType, CcmMetrics } from './metrics/ccm-metrics.ts'
import type { SeenBalancer, WantedBalancer } from './model.ts'
import { NetworkBalancer } from './nlb/network-balancer.ts'
import { NodeController } from './node/node-controller.ts'
import { RouteController } from './route/route-controller.ts'
import { ServiceController } from './service-controller.ts'
import type { Balancer } from './sync/balancer.ts'
import { ClassicBalancer } from './sync/classic-balancer.ts'
import { DEFAULT_LIMITS, type QuotaLimits } from './sync/quota-watch.ts'
import { ServiceSync } from './sync/service-sync.ts'
import type { SyncContext, SyncSettings } from './sync/sync-context.ts'

export interface CloudControllerOptions {
  /** As `system:cloud-controller-manager`. */
  readonly client: Client
  readonly api: CloudApi
  readonly config: CloudConfig
  /** Which controllers run. @default all: service (CLB), nlb, node, and route where `clusterCidr` is given */
  readonly controllers?: readonly ControllerName[]
  /** Ranges of pods that get routes in the VPC (Flannel); without it no route is written. */
  readonly clusterCidr?: string
  /** ACK's own way in everything where this controller does better. @default false */
  readonly compat?: boolean
  /** Servers in one call. @default 40 */
  readonly batchSize?: number
  /** How long the cloud is taken to be as it was left, in milliseconds. @default 300_000 */
  readonly driftPeriodMs?: number
  readonly limits?: Partial<QuotaLimits>
  /** Between two looks at the route tables, in milliseconds. @default 300_000 */
  readonly routePeriodMs?: number
  /** Routes that a table may have. @default 200 */
  readonly routeLimit?: number
  /** How long nodes and routes wait for more news of nodes, in milliseconds. @default 0 */
  readonly nodeEventWaitMs?: number
  /** Machines in one answer. @default 100 */
  readonly nodeBatchSize?: number
  readonly dryRun?: boolean
  readonly metrics?: CcmMetrics
  readonly clock?: Clock
  readonly log: Log
}

export type ControllerName = 'service' | 'nlb' | 'node' | 'route'

/** The running controllers. Disposing them leaves the cloud as it is. */
export type CloudController = RunningControllers

const BATCH_SIZE = 40
const NODE_BATCH_SIZE = 100
const DRIFT_PERIOD_MS = 300_000
const ROUTE_PERIOD_MS = 300_000
/** Of `vpc_quota_route_entrys_num`. */
const ROUTE_LIMIT = 200

/** Starts the cloud controller: Services of type LoadBalancer become load balancers. */
export function startCloudController(options: CloudControllerOptions): CloudController {
  const { client, log, clock = systemClock } = options
  const api = awaitJobs(options.api, clock)
  const informers = new InformerSet({ client, log, clock })
  const view = new InformerView(informers)
  const recorders: EventRecorder[] = []
  const recorderOf = (component: string) => {
    const recorder = createEventRecorder({ client, component, clock, log })
    recorders.push(recorder)
    return recorder
  }
  const common = { client, api, view, recorderOf, clock, log }
  const wanted = options.controllers ?? ['service', 'nlb', 'node', 'route']
  const made: Record<ControllerName, () => ControlLoop | undefined> = {
    service: () =>
      serviceController(options, common, {
        name: 'service',
        type: 'CLBType',
        kindOf: (context) => new ClassicBalancer(context),
      }),
    nlb: () =>
      serviceController(options, common, {
        name: 'nlb',
        type: 'NLBType',
        kindOf: (context) => new NetworkBalancer(context),
      }),
    node: () => nodeController(options, common),
    route: () => routeController(options, common),
  }
  const runs = wanted.flatMap((name) => made[name]() ?? [])
  return runControllers(informers, runs, recorders)
}

interface Common {
  readonly client: Client
  readonly api: CloudApi
  readonly view: InformerView
  recorderOf(component: string): EventRecorder
  readonly clock: Clock
  readonly log: Log
}

/** A kind of load balancer, and what its controller is called. */
interface Kind<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer> {
  readonly name: ControllerName
  readonly type: BalancerType
  kindOf(context: SyncContext): Balancer<P, M, O>
}

function serviceController<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer>(
  options: CloudControllerOptions,
  { view, recorderOf, ...common }: Common,
  { name, type, kindOf }: Kind<P, M, O>,
): ControlLoop {
  const { config } = options
  const settings = syncSettings(options)
  const interfaces = new Interfaces(common.api, config.vpcId)
  const recorder = recorderOf(`${name}-controller`)
  const log = common.log.child({ controller: name })
  const context = { ...common, recorder, cluster: view, interfaces, settings, log }
  const balancer = kindOf(context)
  const sync = new ServiceSync(context, balancer)
  return new ServiceController({
    sync,
    view,
    interfaces,
    claim: balancer.claim,
    recorder,
    identity: { name: `${name}-controller`, type },
    filtersOnNodeChange: config.featureGates.FilterServiceOnNodeChange === true,
    ...withMetrics(options),
    workers: config.serviceMaxConcurrentReconciles,
    driftPeriodMs: settings.model.compat ? 0 : settings.driftPeriodMs,
    clock: common.clock,
    log,
  })
}

function withMetrics({ metrics }: CloudControllerOptions): { readonly metrics?: CcmMetrics } {
  return metrics === undefined ? {} : { metrics }
}

function nodeController(options: CloudControllerOptions, { view, recorderOf, ...common }: Common) {
  const { config } = options
  if (options.dryRun === true) return undefined
  return new NodeController({
    ...common,
    ...withMetrics(options),
    eventWaitMs: options.nodeEventWaitMs ?? 0,
    batchSize: options.nodeBatchSize ?? NODE_BATCH_SIZE,
    informer: view.nodeInformer,
    recorder: recorderOf('node-controller'),
    region: config.region,
    vpcId: config.vpcId,
    periodMs: config.nodeMonitorPeriodSeconds * 1_000,
    log: common.log.child({ controller: 'node' }),
  })
}

function routeController(options: CloudControllerOptions, { view, recorderOf, ...common }: Common) {
  const { config, clusterCidr, dryRun, routePeriodMs = ROUTE_PERIOD_MS, routeLimit = ROUTE_LIMIT } = options
  if (clusterCidr === undefined || dryRun === true) return undefined
  return new RouteController({
    ...common,
    ...withMetrics(options),
    eventWaitMs: options.nodeEventWaitMs ?? 0,
    informer: view.nodeInformer,
    recorder: recorderOf('route-controller'),
    vpcId: config.vpcId,
    routeTableIds: config.routeTableIds,
    clusterCidr,
    routeLimit,
    periodMs: routePeriodMs,
    log: common.log.child({ controller: 'route' }),
  })
}

/** How Services are reconciled, from what the program is started with. */
export function syncSettings(options: Omit<CloudControllerOptions, 'client' | 'api' | 'log'>): SyncSettings {
  const { config, compat = false } = options
  return {
    model: {
      clusterId: config.clusterId,
      compat,
      defaultBackendType: config.serviceBackendType,
      ipv6DualStack: config.featureGates.IPv6DualStack === true,
      zones: config.zones ?? [],
    },
    claim: { typeAnnotation: config.featureGates.LoadBalancerTypeAnnotation === true },
    vpcId: config.vpcId,
    vSwitchIds: config.vSwitchIds,
    ...(config.resourceGroupId === undefined ? {} : { resourceGroupId: config.resourceGroupId }),
    batchSize: options.batchSize ?? BATCH_SIZE,
    disablePublicSlb: config.disablePublicSlb,
    driftPeriodMs: options.driftPeriodMs ?? DRIFT_PERIOD_MS,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    dryRun: options.dryRun ?? false,
  }
}
