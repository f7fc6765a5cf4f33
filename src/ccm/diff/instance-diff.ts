import type { AttributeKey, DesiredModel, ObservedInstance, Tag } from '../model.ts'
import { CLUSTER_TAG, OWNER_TAG, REUSED_TAG } from '../names.ts'
import type { Diff, Step } from './step.ts'

export interface InstanceDiffRules {
  readonly compat: boolean
  readonly clusterId: string
  /** Value of the owner tag. */
  readonly defaultName: string
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
/** More tags than this are no room for ours. */
const MANY_TAGS = 10
const PROTECTION_REASON = 'managed.by.ack'

/** The changes of an instance's attributes, and those that cannot be made any more. */
export function diffInstance(desired: DesiredModel, observed: ObservedInstance, rules: InstanceDiffRules): Diff {
  return {
    steps: [
      ...ownTags(desired, observed, rules),
      ...chargeSteps(desired, observed),
      ...protectionSteps(desired, observed),
      ...nameSteps(desired, observed),
      ...tagSteps(desired, observed, rules),
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

/** The marks that say whose the instance is; a key that is there is left as it is. */
function ownTags({ reuse }: DesiredModel, { id, tags }: ObservedInstance, rules: InstanceDiffRules): Step[] {
  const marks = reuse === undefined ? ownerTags(rules) : [{ key: REUSED_TAG, value: 'true' }]
  const added = marks.filter(({ key }) => !tags.some((tag) => tag.key === key))
  return added.length === 0 || tags.length >= MANY_TAGS ? [] : [tagStep(id, added)]
}

/** Tags of an instance that the controller made. */
export function ownerTags({ defaultName, clusterId }: Pick<InstanceDiffRules, 'defaultName' | 'clusterId'>): Tag[] {
  return [
    { key: OWNER_TAG, value: defaultName },
    { key: CLUSTER_TAG, value: clusterId },
  ]
}

function tagSteps(desired: DesiredModel, { id, tags }: ObservedInstance, { compat }: InstanceDiffRules): Step[] {
  const changed = desired.tags.filter(
    ({ key, value }) => !isReserved(key) && !tags.some((tag) => tag.key === key && tag.value === value),
  )
  const removed = tags.filter(({ key }) => isDropped(key, desired, compat)).map(({ key }) => key)
  return [
    ...(changed.length === 0 ? [] : [tagStep(id, changed)]),
    ...(removed.length === 0
      ? []
      : [{ action: 'UntagResources', parameters: { ResourceType: 'instance', ResourceId: [id], TagKey: removed } }]),
  ]
}

/** ACK's controller takes away whatever the annotation does not list; we only what it listed before. */
function isDropped(key: string, { tags, droppedTags }: DesiredModel, compat: boolean): boolean {
  if (isReserved(key) || tags.some((tag) => tag.key === key)) return false
  return compat ? tags.length > 0 : droppedTags.includes(key)
}

function isReserved(key: string): boolean {
  return key.startsWith('acs:') || [OWNER_TAG, CLUSTER_TAG, REUSED_TAG].includes(key)
}

function tagStep(id: string, tags: readonly Tag[]): Step {
  const Tag = tags.map(({ key, value }) => ({ Key: key, Value: value }))
  return { action: 'TagResources', parameters: { ResourceType: 'instance', ResourceId: [id], Tag } }
}

function step(action: string, id: string, parameters: Readonly<Record<string, unknown>>): Step {
  return { action, parameters: { LoadBalancerId: id, ...parameters } }
}
