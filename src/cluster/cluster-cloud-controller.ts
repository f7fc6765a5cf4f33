import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { createPopClient } from '../ccm/api/pop-client.ts'
import { type CloudController, startCloudController } from '../ccm/cloud-controller.ts'
import { REGION_ID, vSwitchId } from '../cloud/region.ts'
import type { Client } from '../kube/client.ts'
import type { ClusterCloud } from './cluster-cloud.ts'
import type { ClusterSpec } from './cluster-spec.ts'

export interface ClusterCloudControllerOptions {
  readonly spec: ClusterSpec
  readonly cloud: ClusterCloud
  /** PEM of who signed the certificate of the cloud's API. */
  readonly caPem: string
  /** As `system:cloud-controller-manager`. */
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
}

/** The cloud controller of a cluster, which knows the cloud by its API alone. */
export function startClusterCloudController(options: ClusterCloudControllerOptions): CloudController {
  const { spec, cloud, caPem, client, clock, log } = options
  const { endpoint, ...key } = cloud.controller
  const endpoints = { slb: endpoint, nlb: endpoint, ecs: endpoint, vpc: endpoint }
  const terway = spec.network === 'terway-eniip'
  const [clusterCidr] = spec.clusterCidrs
  return startCloudController({
    client,
    api: createPopClient({ access: { ...key, endpoints, region: REGION_ID, clusterId: spec.name, caPem }, clock }),
    config: {
      region: REGION_ID,
      clusterId: spec.name,
      vpcId: cloud.cloud.ids.vpcId,
      vSwitchIds: spec.vSwitches.map(({ zoneId }) => vSwitchId(spec.name, zoneId)),
      zones: [...new Set(spec.vSwitches.map(({ zoneId }) => zoneId))].map((zoneId) => ({
        zoneId,
        vSwitchId: vSwitchId(spec.name, zoneId),
      })),
      routeTableIds: [cloud.cloud.ids.routeTableId],
      serviceBackendType: terway ? 'eni' : 'ecs',
      serviceMaxConcurrentReconciles: 3,
      disablePublicSlb: false,
      nodeMonitorPeriodSeconds: 300,
      featureGates: {},
    },
    ...(terway || clusterCidr === undefined ? {} : { clusterCidr }),
    clock,
    log: log.child({ component: 'cloud-controller' }),
  })
}
