import { type Clock, systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { createEventRecorder, type EventRecorder } from '../kube/event-recorder.ts'
import { InformerSet } from '../kube/informers.ts'
import type { Resource } from '../kube/resource.ts'
import { type RunningControllers, runControllers } from '../kube/run-controllers.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { Controller, ControllerContext } from './controller.ts'
import { CronJobController } from './cronjob/cronjob-controller.ts'
import { CustomResourceCleanup } from './custom-resources/custom-resource-cleanup.ts'
import { ServedResources } from './custom-resources/served-resources.ts'
import { DaemonSetController } from './daemonset/daemonset-controller.ts'
import { DeploymentController } from './deployment/deployment-controller.ts'
import { DisruptionController } from './disruption/disruption-controller.ts'
import { EndpointsController } from './endpoints/endpoints-controller.ts'
import { EndpointSliceController } from './endpointslice/endpointslice-controller.ts'
import { EndpointSliceMirroringController } from './endpointslice-mirroring/endpointslice-mirroring-controller.ts'
import { GarbageCollector } from './garbage-collector/garbage-collector.ts'
import { addIndexes } from './indexes.ts'
import { JobController } from './job/job-controller.ts'
import { NamespaceDefaults } from './namespace/namespace-defaults.ts'
import { NamespaceDeletion } from './namespace/namespace-deletion.ts'
import { NodeIpamController } from './node-ipam/node-ipam-controller.ts'
import { NodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts'
import { PodGarbageCollector } from './pod-gc.ts'
import { ReplicaSetController } from './replicaset/replicaset-controller.ts'
import { REPLICATION_CONTROLLERS } from './replicaset/replication-controllers.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { ServiceCidrController } from './service-cidr/service-cidr-controller.ts'
import { ServiceDiagnosisController } from './service-diagnosis/service-diagnosis-controller.ts'
import { ServiceIpRepair } from './service-ip-repair/service-ip-repair.ts'
import { StatefulSetController } from './statefulset/statefulset-controller.ts'
import { TaintEvictionController } from './taint-eviction/taint-eviction-controller.ts'

export interface ControllersOptions {
  /** Watches for all controllers; writes for those that `clientFor` has no client for. */
  readonly client: Client
  /** A client under a controller's own name, e.g. `deployment-controller`. @default the same for all */
  clientFor?(component: string): Client
  /** One per family, e.g. `10.244.0.0/16` and `fd00:10:244::/56`; none where nodes have no ranges for pods. */
  readonly clusterCidrs: readonly string[]
  /** Certificate of the cluster's CA, which every namespace gets as ConfigMap `kube-root-ca.crt`. */
  readonly rootCaPem: string
  /** Every kind that is built into the API: with those that definitions bring, what the garbage collector and namespace deletion look after. */
  readonly resources: readonly Resource<KubeObject>[]
  readonly log: Log
  readonly clock?: Clock
  /** Silence after which a node is Unknown, in milliseconds. @default 50_000 */
  readonly nodeGraceMs?: number
  /** How long a node must be gone until its pods are removed, in milliseconds. @default 40_000 */
  readonly podGcQuarantineMs?: number
}

type Make = (context: ControllerContext) => Controller

/**
 * Starts every controller on one set of informers.
 *
 * @throws FairleadError `INVALID_INPUT` for a cluster CIDR that cannot be divided among nodes.
 */
export function startControllers(options: ControllersOptions): RunningControllers {
  const { client, log, clock = systemClock } = options
  const informers = new InformerSet({ client, log, clock })
  addIndexes(informers)
  const recorders: EventRecorder[] = []
  const served = new ServedResources(informers, options.resources)
  const controllers = controllersOf(options, served).map(([component, make]) => {
    const own = options.clientFor?.(component) ?? client
    const child = log.child({ controller: component })
    const recorder = createEventRecorder({ client: own, component, clock, log: child })
    recorders.push(recorder)
    return make({ client: own, informers, recorder, log: child, clock })
  })
  return runControllers(informers, controllers, recorders)
}

/** Each with the name that it has upstream, as the source of its Events shows it. */
function controllersOf(
  options: ControllersOptions,
  served: ServedResources,
): readonly (readonly [component: string, make: Make])[] {
  const { clusterCidrs, rootCaPem, nodeGraceMs, podGcQuarantineMs } = options
  const grace = nodeGraceMs === undefined ? {} : { graceMs: nodeGraceMs }
  const quarantine = podGcQuarantineMs === undefined ? {} : { quarantineMs: podGcQuarantineMs }
  return [
    ['default-scheduler', (context) => new Scheduler(context)],
    ['deployment-controller', (context) => new DeploymentController(context)],
    ['replicaset-controller', (context) => new ReplicaSetController(context)],
    ['replication-controller', (context) => new ReplicaSetController(context, REPLICATION_CONTROLLERS)],
    ['daemonset-controller', (context) => new DaemonSetController(context)],
    ['job-controller', (context) => new JobController(context)],
    ['cronjob-controller', (context) => new CronJobController(context)],
    ['statefulset-controller', (context) => new StatefulSetController(context)],
    ['endpoint-slice-controller', (context) => new EndpointSliceController(context)],
    ['endpoint-slice-mirroring-controller', (context) => new EndpointSliceMirroringController(context)],
    ['endpoint-controller', (context) => new EndpointsController(context)],
    ['service-diagnosis-controller', (context) => new ServiceDiagnosisController(context)],
    ['disruption-controller', (context) => new DisruptionController(context)],
    ['service-cidr-controller', (context) => new ServiceCidrController(context)],
    ['ipallocator-repair-controller', (context) => new ServiceIpRepair(context)],
    ...nodeIpam(clusterCidrs),
    ['node-controller', (context) => new NodeLifecycleController(context, grace)],
    ['taint-eviction-controller', (context) => new TaintEvictionController(context)],
    ['pod-garbage-collector', (context) => new PodGarbageCollector(context, quarantine)],
    ['service-account-controller', (context) => new NamespaceDefaults(context, { rootCaPem })],
    ['crd-finalizer', (context) => new CustomResourceCleanup(context, served)],
    ['namespace-controller', (context) => new NamespaceDeletion(context, served)],
    ['generic-garbage-collector', (context) => new GarbageCollector(context, served)],
  ]
}

/** Where pods have addresses of the cloud's network, nodes have no ranges. */
function nodeIpam(clusterCidrs: readonly string[]): readonly (readonly [component: string, make: Make])[] {
  if (clusterCidrs.length === 0) return []
  return [['cidrAllocator', (context) => new NodeIpamController(context, { clusterCidrs })]]
}
