import type { ModelRules } from '../desired/service-plan.ts'
import type { NlbAnnotations } from './nlb-annotations.ts'

/** Where an instance is in a zone; what is not there is the cloud's choice. */
export interface ZoneMap {
  readonly zoneId: string
  readonly vSwitchId: string
  readonly address?: string
  /** Of an EIP. */
  readonly allocationId?: string
}

/**
 * The zones of a Service's instance: those of annotation `zone-maps` (`zone:vSwitch[:address[:EIP]],…`), else, on an
 * instance of our own, those that the cloud config lists. None: nobody says.
 */
export function zoneMapsOf(
  { instance }: Pick<NlbAnnotations, 'instance'>,
  { zones = [], compat }: Pick<ModelRules, 'zones' | 'compat'>,
): readonly ZoneMap[] {
  if (instance.zoneMaps === undefined) return instance.id !== undefined || compat ? [] : zones
  return instance.zoneMaps.split(',').map((item) => {
    const [zoneId = '', vSwitchId = '', address = '', allocationId = ''] = item.trim().split(':')
    return {
      zoneId,
      vSwitchId,
      ...(address === '' ? {} : { address }),
      ...(allocationId === '' ? {} : { allocationId }),
    }
  })
}

/** As the API takes them. */
export function zoneParameters(zones: readonly ZoneMap[]): readonly object[] {
  return zones.map(({ zoneId, vSwitchId, address, allocationId }) => ({
    ZoneId: zoneId,
    VSwitchId: vSwitchId,
    ...(address === undefined ? {} : { PrivateIPv4Address: address }),
    ...(allocationId === undefined ? {} : { AllocationId: allocationId }),
  }))
}

/** Whether an instance is where it should be: in these zones and no others. */
export function isPlaced(wanted: readonly ZoneMap[], actual: readonly ZoneMap[]): boolean {
  if (wanted.length !== actual.length) return false
  return wanted.every((zone) => {
    const there = actual.find(({ zoneId, vSwitchId }) => zoneId === zone.zoneId && vSwitchId === zone.vSwitchId)
    if (there === undefined) return false
    const isAddressSame = zone.address === undefined || zone.address === there.address
    return isAddressSame && (zone.allocationId === undefined || zone.allocationId === there.allocationId)
  })
}
