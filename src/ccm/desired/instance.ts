import type { ServiceAnnotations } from '../annotations/service-annotations.ts'
import type { AttributeKey, InstanceSettings, Reuse, Tag } from '../model.ts'

const ATTRIBUTES: readonly AttributeKey[] = [
  'addressType',
  'name',
  'spec',
  'instanceChargeType',
  'internetChargeType',
  'bandwidth',
  'vSwitchId',
  'networkType',
  'address',
  'ipVersion',
  'masterZoneId',
  'slaveZoneId',
  'resourceGroupId',
  'deleteProtection',
  'modificationProtection',
]

/** Bandwidth of an instance that pays by bandwidth and does not say, as ACK documents. */
const DEFAULT_BANDWIDTH = '50'

export interface InstanceRules {
  /** ACK's own way: what is not set is left as it is. */
  readonly compat: boolean
  readonly defaultName: string
}

/**
 * The attributes that an instance must have. Annotations that are not set stand for their defaults on an instance of
 * our own; nothing of someone else's is touched that was not asked for.
 */
export function desiredSettings({ instance }: ServiceAnnotations, rules: InstanceRules): InstanceSettings {
  const settings: Partial<Record<AttributeKey, string>> = {}
  for (const key of ATTRIBUTES) {
    const value = instance[key]
    if (value !== undefined) settings[key] = value
  }
  if (settings.internetChargeType === 'paybybandwidth') settings.bandwidth ??= DEFAULT_BANDWIDTH
  else delete settings.bandwidth
  if (settings.instanceChargeType === 'PayBySpec') settings.spec ??= 'slb.s1.small'
  else delete settings.spec
  if (rules.compat || instance.id !== undefined) return settings
  return {
    name: rules.defaultName,
    internetChargeType: 'paybytraffic',
    deleteProtection: 'on',
    modificationProtection: 'ConsoleProtection',
    ...settings,
  }
}

interface WithInstance<K extends string> {
  readonly instance: Readonly<Partial<Record<K, string>>>
}

/** Someone else's instance, if an annotation names one. */
export function reuseOf({ instance }: WithInstance<'id' | 'forceOverride'>): Reuse | undefined {
  return instance.id === undefined ? undefined : { id: instance.id, override: instance.forceOverride === 'true' }
}

/** `k1=v1,k2=,k3` */
export function tagsFrom({ instance }: WithInstance<'tags'>): readonly Tag[] {
  const tags = new Map<string, string>()
  for (const item of (instance.tags ?? '').split(',')) {
    const [key = '', ...value] = item.split('=')
    if (key !== '') tags.set(key, value.join('='))
  }
  return [...tags].map(([key, value]) => ({ key, value }))
}
