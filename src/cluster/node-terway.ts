import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { formatAddress, nthAddress, requireCidr } from '../base/ip.ts'
import type { Log } from '../base/log.ts'
import { findInstanceType } from '../cloud/ecs/instance-types.ts'
import { GATEWAY_FROM_END } from '../cloud/fabric/fabric-names.ts'
import { instanceId, REGION_ID, regionIds, vSwitchId } from '../cloud/region.ts'
import { createInterfaceCloud } from '../network/terway/interface-cloud.ts'
import { DEFAULT_POOL, type PoolLimits } from '../network/terway/pool-plan.ts'
import { startTerway, type Terway } from '../network/terway/terway.ts'
import type { AgentConfig } from './agent.ts'
import { type ClusterSpec, type NodeSpec, podVSwitch } from './cluster-spec.ts'
import { clusterLayout } from './layout.ts'
import type { PoolSizes } from './pool-sizes.ts'

/** What a node's instance type allows its pods, and how much of it is kept ready. */
export function poolLimits({ name, instanceType }: NodeSpec, pool: PoolSizes = {}): PoolLimits {
  const type = findInstanceType(instanceType)
  if (type === undefined) {
    throw new FairleadError('INVALID_INPUT', `The instance type ${instanceType} of ${name} is unknown`)
  }
  const { eniQuantity, eniPrivateIpAddressQuantity } = type
  const allowed = eniQuantity - 1
  return {
    ...DEFAULT_POOL,
    ...pool,
    interfaces: Math.min(allowed, pool.interfaces ?? allowed),
    isCapped: pool.interfaces !== undefined && pool.interfaces < allowed,
    addressesPerInterface: eniPrivateIpAddressQuantity,
  }
}

/** Starts Terway on a node of the cluster's own cloud. */
export function startNodeTerway({ spec, roots, node, cloud, caPem }: AgentConfig, log: Log): Terway {
  if (cloud === undefined) throw new FairleadError('BUG', `The node ${node.name} does not know its cloud`)
  const { id: vSwitch, gateway } = vSwitchOf(spec, node)
  const access = { endpoint: cloud.endpoint, ...cloud.terway, caPem }
  const instance = {
    regionId: REGION_ID,
    instanceId: instanceId(spec.name, node.name),
    vSwitchId: vSwitch,
    securityGroupId: regionIds(spec.name).securityGroupId,
  }
  return startTerway({
    cloud: createInterfaceCloud(access, instance),
    limits: poolLimits(node, spec.pool),
    vSwitchId: vSwitch,
    gateway,
    instanceType: node.instanceType,
    stateDirectory: join(clusterLayout(spec.name, roots).runDirectory, 'nodes', node.name, 'terway'),
    clock: systemClock,
    log: log.child({ component: 'terway' }),
  })
}

function vSwitchOf(spec: ClusterSpec, { name, zone }: NodeSpec): { readonly id: string; readonly gateway: string } {
  const found = spec.vSwitches.find((vSwitch) => vSwitch.name === podVSwitch(zone))
  if (found === undefined) {
    throw new FairleadError('INVALID_INPUT', `There is no vSwitch for the pods of ${name} in ${zone}`)
  }
  const gateway = formatAddress(nthAddress(requireCidr(found.cidrBlock), GATEWAY_FROM_END))
  return { id: vSwitchId(spec.name, podVSwitch(zone)), gateway }
}
