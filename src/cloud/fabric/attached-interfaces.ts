import { formatAddress, nthAddress, requireCidr } from '../../base/ip.ts'
import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { VSWITCHES } from '../vpc/model.ts'
import { GATEWAY_FROM_END } from './fabric-names.ts'

/** A secondary interface that is attached to a machine, as packets need it. */
export interface AttachedInterface {
  readonly id: string
  /** Name of its machine. */
  readonly machine: string
  readonly macAddress: string
  /** The primary one first. */
  readonly addresses: readonly string[]
  /** Of its vSwitch. */
  readonly gateway: string
}

/** The secondary interfaces of all machines, in the order of their ids. */
export function attachedInterfaces(state: Pick<CloudState, 'get' | 'list'>): AttachedInterface[] {
  return state
    .list(NETWORK_INTERFACES)
    .flatMap(({ id, type, instanceId, vSwitchId, macAddress, privateAddresses }): AttachedInterface[] => {
      const machine = instanceId === undefined ? undefined : state.get(INSTANCES, instanceId)
      const vSwitch = state.get(VSWITCHES, vSwitchId)
      if (type === 'Primary' || machine === undefined || vSwitch === undefined) return []
      const gateway = formatAddress(nthAddress(requireCidr(vSwitch.cidrBlock), GATEWAY_FROM_END))
      return [{ id, machine: machine.name, macAddress, addresses: privateAddresses, gateway }]
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
