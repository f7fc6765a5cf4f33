import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { Node, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import type { ClaimRules } from '../claim.ts'
import type { ModelRules } from '../desired/service-plan.ts'
import type { Interfaces } from '../interfaces.ts'
import type { QuotaLimits } from './quota-watch.ts'

/** The cluster as it is now, to be read at any time. */
export interface ClusterView {
  service(key: string): Service | undefined
  /** By name. */
  nodes(): ReadonlyMap<string, Node>
  slices(key: string): readonly EndpointSlice[]
  pod(namespace: string, name: string): Pod | undefined
}

/** How the controller is set up. */
export interface SyncSettings {
  readonly model: ModelRules
  readonly claim: ClaimRules
  readonly vpcId: string
  readonly vSwitchIds: readonly string[]
  readonly resourceGroupId?: string
  /** Servers in one call. */
  readonly batchSize: number
  /** Refuses public load balancers. */
  readonly disablePublicSlb: boolean
  /** How long the cloud is taken to be as it was left, in milliseconds. */
  readonly driftPeriodMs: number
  readonly limits: QuotaLimits
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean
}

/** What reconciling a Service works with. */
export interface SyncContext {
  readonly api: CloudApi
  readonly client: Client
  readonly recorder: EventRecorder
  readonly cluster: ClusterView
  readonly interfaces: Interfaces
  readonly settings: SyncSettings
  readonly clock: Clock
  readonly log: Log
}
