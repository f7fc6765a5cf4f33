import type { Clock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import type { Log } from '../base/log.ts'
import { BILLING_PRODUCT } from './billing/billing-product.ts'
import { UsageRecorder } from './billing/usage-recorder.ts'
import { ECS_PRODUCT } from './ecs/ecs-product.ts'
import type { CloudFabric } from './fabric/cloud-fabric.ts'
import { LatestReport } from './load-balancer/latest-report.ts'
import type { DataPlane, DataPlaneReport } from './load-balancer/plan.ts'
import { compileNlbPlan } from './nlb/compile-plan.ts'
import { JobProgress } from './nlb/jobs.ts'
import { NLB_LISTENERS, SERVER_GROUPS } from './nlb/model.ts'
import { type NameServerSockets, startNameServer } from './nlb/name-server.ts'
import { createNlbProduct } from './nlb/nlb-product.ts'
import { type Endpoint, startEndpoint } from './openapi/endpoint.ts'
import type { Product } from './openapi/product.ts'
import type { RamUser } from './openapi/ram-user.ts'
import { QUOTAS_PRODUCT } from './quota/quotas-product.ts'
import { ensureRegion, type RegionIds, type RegionSpec } from './region.ts'
import { compileSlbPlan } from './slb/compile-plan.ts'
import { LISTENERS, VSERVER_GROUPS } from './slb/model.ts'
import { createSlbProduct } from './slb/slb-product.ts'
import { CloudState } from './state/cloud-state.ts'
import { StateFollower } from './state/state-follower.ts'
import { Unfollowed } from './state/unfollowed.ts'
import { VPC_PRODUCT } from './vpc/vpc-product.ts'

export interface CloudOptions {
  /** Where the state is kept. */
  readonly directory: string
  readonly region: RegionSpec
  readonly users: readonly RamUser[]
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly tls?: { certificate: string; privateKey: string }
    /** Where it is served too; see `startEndpoint`. */
    readonly sockets?: readonly number[]
  }
  /** Where names of load balancers are answered; see `startNameServer`. */
  readonly names?: NameServerSockets
  /** What carries load balancers; without it there are none, and the API knows neither SLB nor NLB. */
  readonly dataPlane?: DataPlane
  /** The VPC in the kernel: interfaces, public addresses. Disposed with the cloud. */
  readonly fabric: CloudFabric
  readonly clock: Clock
  readonly log: Log
}

/** The cloud of one cluster: its API, its state, and packets that follow the state. */
export interface Cloud extends AsyncDisposable {
  readonly endpoint: Endpoint
  readonly state: CloudState
  readonly ids: RegionIds
  /** Resolves when packets follow everything that was answered before the call. */
  settled(): Promise<void>
}

/**
 * Opens a cluster's cloud, or takes over what a former process left: load balancers go on carrying traffic meanwhile.
 *
 * @throws FairleadError `STORE_FAILED`, `PORT_TAKEN`
 */
export async function openCloud(options: CloudOptions): Promise<Cloud> {
  const { directory, region, users, listen, dataPlane, fabric, clock, log } = options
  await using started = new Disposables()
  const state = started.use(CloudState.open({ directory }))
  const ids = ensureRegion(state, region, clock.now())
  started.use(fabric)
  // Apart from load balancers, which take their time: a pod is about to use its new address.
  const network = started.use(new StateFollower(state, log, async () => fabric.follow(state)))
  const balancing = dataPlane === undefined ? undefined : balance({ state, fabric, dataPlane }, { started, clock, log })
  const products = [ECS_PRODUCT, VPC_PRODUCT, QUOTAS_PRODUCT, BILLING_PRODUCT, ...(balancing?.products ?? [])]
  const endpoint = started.use(await startEndpoint({ state, products, users, ...listen, clock, log }))
  if (options.names !== undefined) started.use(await startNameServer({ state, sockets: options.names, log }))
  const running = started.move()
  return {
    endpoint,
    state,
    ids,
    async settled() {
      await network.settled()
      await balancing?.follower.settled()
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

/** Lets the data plane follow the state, and bills and the API hear of what it does. */
function balance(
  { state, fabric, dataPlane }: { state: CloudState; fabric: CloudFabric; dataPlane: DataPlane },
  { started, clock, log }: { started: Disposables; clock: Clock; log: Log },
): { follower: StateFollower; products: readonly Product[] } {
  started.use(dataPlane)
  const jobs = started.use(new JobProgress(state))
  const plan = () => ({ listeners: [...compileSlbPlan(state), ...compileNlbPlan(state)] })
  const unfollowed = started.use(
    new Unfollowed(state, clock, [LISTENERS, VSERVER_GROUPS, NLB_LISTENERS, SERVER_GROUPS]),
  )
  const apply = () => unfollowed.carryOut(() => dataPlane.apply(plan()))
  const follower = started.use(new StateFollower(state, log, () => jobs.carryOut(apply)))
  const recorder = started.use(new UsageRecorder(state, clock))
  const record = (report: DataPlaneReport) => recorder.record({ ...report, publicBytes: fabric.publicBytes() })
  const report = started.use(new LatestReport(dataPlane, { clock, log, record }))
  const health = (listener: string, backend: string) => report.of(listener, backend)
  const isOpen = (jobId: string) => jobs.isOpen(jobId)
  const { since } = unfollowed
  return { follower, products: [createSlbProduct(health, since), createNlbProduct({ health, isOpen, since })] }
}
