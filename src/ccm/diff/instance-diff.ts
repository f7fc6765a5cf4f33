import type { AttributeKey, DesiredModel, ObservedInstance } from '../model.ts'
import { type MarkRules, markSteps, tagSteps } from './instance-tags.ts'
import type { Diff, Step } from './step.ts'

export interface InstanceDiffRules extends Omit<MarkRules, 'resourceType'> {
  readonly compat: boolean
}

/** With the words of ACK's controller. */
const IMMUTABLE: readonly (readonly [AttributeKey, string])[] = [
  ['masterZoneId', 'MasterZoneId'],
  ['slaveZoneId', 'SlaveZoneId'],
  ['addressType', 'AddressType'],
  ['ipVersion', 'AddressIPVersion'],
  ['resourceGroupId', 'ResourceGroupId'],
  ['networkType', 'NetworkType'],
  ['address', 'address'],
]
/** Why instances of ours are not to be changed in the console. */
export const PROTECTION_REASON = 'managed.by.ack'
/** What the tags of an instance are tags of. */
const TAGGED = { resourceType: 'instance' } as const

/** The changes of an instance's attributes, and those that cannot be made any more. */
export function diffInstance(desired: DesiredModel, observed: ObservedInstance, rules: InstanceDiffRules): Diff {
  return {
    steps: [
      ...markSteps(desired, observed, { ...rules, ...TAGGED }),
      ...chargeSteps(desired, observed),
      ...protectionSteps(desired, observed),
      ...nameSteps(desired, observed),
      ...tagSteps(desired, observed, { ...rules, ...TAGGED }),
    ],
    refusals: refusalsOf(desired, observed),
  }
}

function refusalsOf({ settings }: DesiredModel, observed: ObservedInstance): readonly string[] {
  return IMMUTABLE.flatMap(([key, name]) => {
    const [wanted, actual] = [settings[key], observed.settings[key]]
    if (wanted === undefined || wanted === actual) return []
    // The cloud shows every public instance as a classic one.
    if (key === 'networkType' && observed.settings.addressType === 'internet') return []
    return [
      `alicloud: can not change LoadBalancer ${name} once created. delete and retry: load balancer ${observed.id} has '${actual}', the annotation wants '${wanted}'`,
    ]
  })
}

function chargeSteps({ settings }: DesiredModel, { id, settings: actual }: ObservedInstance): Step[] {
  const steps: Step[] = []
  const charge = settings.instanceChargeType ?? actual.instanceChargeType
  if (charge !== actual.instanceChargeType) {
    const spec = charge === 'PayBySpec' ? { LoadBalancerSpec: settings.spec } : {}
    steps.push(step('ModifyLoadBalancerInstanceChargeType', id, { InstanceChargeType: charge, ...spec }))
  } else if (charge === 'PayBySpec' && settings.spec !== undefined && settings.spec !== actual.spec) {
    steps.push(step('ModifyLoadBalancerInstanceSpec', id, { LoadBalancerSpec: settings.spec }))
  }
  if (actual.addressType === 'intranet' || settings.internetChargeType === undefined) return steps
  const byBandwidth = settings.internetChargeType === 'paybybandwidth'
  const isSame =
    settings.internetChargeType === actual.internetChargeType &&
    (!byBandwidth || settings.bandwidth === actual.bandwidth)
  if (isSame) return steps
  const bandwidth = byBandwidth ? { Bandwidth: settings.bandwidth } : {}
  return [
    ...steps,
    step('ModifyLoadBalancerInternetSpec', id, { InternetChargeType: settings.internetChargeType, ...bandwidth }),
  ]
}

function protectionSteps({ settings }: DesiredModel, { id, settings: actual }: ObservedInstance): Step[] {
  const steps: Step[] = []
  const { deleteProtection, modificationProtection } = settings
  if (deleteProtection !== undefined && deleteProtection !== actual.deleteProtection) {
    steps.push(step('SetLoadBalancerDeleteProtection', id, { DeleteProtection: deleteProtection }))
  }
  if (modificationProtection !== undefined && modificationProtection !== actual.modificationProtection) {
    steps.push(step('SetLoadBalancerModificationProtection', id, protectionParameters(modificationProtection)))
  }
  return steps
}

/** Parameters of `SetLoadBalancerModificationProtection`, also those of creation. */
export function protectionParameters(status: string): Readonly<Record<string, string>> {
  return {
    ModificationProtectionStatus: status,
    ...(status === 'ConsoleProtection' ? { ModificationProtectionReason: PROTECTION_REASON } : {}),
  }
}

function nameSteps({ settings }: DesiredModel, { id, settings: actual }: ObservedInstance): Step[] {
  if (settings.name === undefined || settings.name === actual.name) return []
  return [step('SetLoadBalancerName', id, { LoadBalancerName: settings.name })]
}

function step(action: string, id: string, parameters: Readonly<Record<string, unknown>>): Step {
  return { action, parameters: { LoadBalancerId: id, ...parameters } }
}
