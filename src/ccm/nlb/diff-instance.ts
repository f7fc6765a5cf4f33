import { PROTECTION_REASON } from '../diff/instance-diff.ts'
import { type MarkRules, markSteps, tagSteps } from '../diff/instance-tags.ts'
import type { Diff, Step } from '../diff/step.ts'
import type { DesiredNlb, NlbSettings, ObservedNlb } from './nlb-model.ts'
import { isPlaced, zoneParameters } from './zone-maps.ts'

export interface NlbInstanceRules extends Pick<MarkRules, 'clusterId' | 'defaultName'> {
  readonly compat: boolean
}

/** With the words of ACK's controller. */
const IMMUTABLE: readonly (readonly [keyof NlbSettings, string])[] = [
  ['ipVersion', 'AddressIpVersion'],
  ['resourceGroupId', 'ResourceGroupId'],
]

/** The changes of an instance's attributes, and those that cannot be made any more. */
export function diffNlbInstance(desired: DesiredNlb, observed: ObservedNlb, rules: NlbInstanceRules): Diff {
  const tagRules = { ...rules, resourceType: 'loadbalancer' } as const
  const { instance } = observed
  const [detach, attach] = packageSteps(desired, observed)
  return {
    steps: [
      ...markSteps(desired, instance, tagRules),
      // Without it first: an instance of the intranet has none.
      ...detach,
      ...placeSteps(desired, observed),
      ...attach,
      ...securityGroupSteps(desired, observed),
      ...attributeSteps(desired, observed),
      ...tagSteps(desired, instance, tagRules),
    ],
    refusals: IMMUTABLE.flatMap(([key, name]) => {
      const [wanted, actual] = [desired.settings[key], instance.settings[key]]
      if (wanted === undefined || wanted.toLowerCase() === actual?.toLowerCase()) return []
      return [`${name} cannot be changed, service: ${wanted}, nlb: ${actual}`]
    }),
  }
}

function differs({ settings }: DesiredNlb, { instance }: ObservedNlb, key: keyof NlbSettings): boolean {
  return settings[key] !== undefined && settings[key] !== instance.settings[key]
}

/** Whether it is on the internet, and in which zones. */
function placeSteps(desired: DesiredNlb, observed: ObservedNlb): Step[] {
  const { zones, settings } = desired
  const { id, zones: actual, settings: before } = observed.instance
  const steps: Step[] = []
  const opens = differs(desired, observed, 'addressType')
  if (opens) {
    // Zones that it is in already: their EIPs are bound with the change.
    const eips = (zones ?? []).filter(({ zoneId }) => actual.some((zone) => zone.zoneId === zoneId))
    const ZoneMappings = zoneParameters(settings.addressType === 'Internet' ? eips : [])
    steps.push(step('UpdateLoadBalancerAddressTypeConfig', id, { AddressType: settings.addressType, ZoneMappings }))
  }
  const expected = opens ? actual.map((zone) => ({ ...zone, ...eipOf(zones, zone.zoneId) })) : actual
  if (zones !== undefined && !isPlaced(zones, expected)) {
    steps.push(step('UpdateLoadBalancerZones', id, { ZoneMappings: zoneParameters(zones) }))
  }
  if (settings.ipv6AddressType !== undefined && settings.ipv6AddressType !== before.ipv6AddressType) {
    const verb = settings.ipv6AddressType === 'Internet' ? 'Enable' : 'Disable'
    steps.push(step(`${verb}LoadBalancerIpv6Internet`, id, {}))
  }
  return steps
}

function eipOf(zones: DesiredNlb['zones'], zoneId: string) {
  const allocationId = zones?.find((zone) => zone.zoneId === zoneId)?.allocationId
  return allocationId === undefined ? {} : { allocationId }
}

function packageSteps({ bandwidthPackageId: wanted }: DesiredNlb, { instance }: ObservedNlb): [Step[], Step[]] {
  const { id, bandwidthPackageId: actual } = instance
  if (wanted === undefined || wanted === actual) return [[], []]
  const change = (verb: string, BandwidthPackageId: string, preposition: string) =>
    step(`${verb}CommonBandwidthPackage${preposition}LoadBalancer`, id, { BandwidthPackageId })
  return [
    actual === '' ? [] : [change('Detach', actual, 'From')],
    wanted === '' ? [] : [change('Attach', wanted, 'To')],
  ]
}

/** Joins before it leaves: an instance in no group is open to everybody. */
function securityGroupSteps(desired: DesiredNlb, { instance, sourceGroup }: ObservedNlb): Step[] {
  const { id, securityGroupIds: actual } = instance
  const ours = sourceGroup === undefined ? [] : [sourceGroup.id]
  const others = desired.securityGroupIds ?? actual.filter((one) => !ours.includes(one))
  const wanted = [...new Set([...others, ...(desired.sourceRanges === undefined ? [] : ours)])]
  const joined = wanted.filter((one) => !actual.includes(one))
  const left = actual.filter((one) => !wanted.includes(one))
  return [
    ...(joined.length === 0 ? [] : [step('LoadBalancerJoinSecurityGroup', id, { SecurityGroupIds: joined })]),
    ...(left.length === 0 ? [] : [step('LoadBalancerLeaveSecurityGroup', id, { SecurityGroupIds: left })]),
  ]
}

function attributeSteps(desired: DesiredNlb, observed: ObservedNlb): Step[] {
  const { settings } = desired
  const { id } = observed.instance
  const changed = (key: keyof NlbSettings, parameters: Readonly<Record<string, unknown>>) =>
    differs(desired, observed, key) ? parameters : {}
  const attributes = {
    ...changed('name', { LoadBalancerName: settings.name }),
    ...changed('crossZone', { CrossZoneEnabled: settings.crossZone }),
  }
  const protections = {
    ...changed('deletionProtection', { DeletionProtectionEnabled: settings.deletionProtection }),
    ...changed('modificationProtection', {
      ModificationProtectionStatus: settings.modificationProtection,
      ModificationProtectionReason: PROTECTION_REASON,
    }),
  }
  return [
    ...(Object.keys(attributes).length === 0 ? [] : [step('UpdateLoadBalancerAttribute', id, attributes)]),
    ...(Object.keys(protections).length === 0 ? [] : [step('UpdateLoadBalancerProtection', id, protections)]),
  ]
}

function step(action: string, id: string, parameters: Readonly<Record<string, unknown>>): Step {
  return { action, parameters: { LoadBalancerId: id, ...parameters } }
}
