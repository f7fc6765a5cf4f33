import { onlyNeeded, type SettingRow, type Values, valuesOf } from '../annotations/setting-row.ts'
import { droppedTags, sourceRanges } from '../desired/desired-model.ts'
import { reuseOf, tagsFrom } from '../desired/instance.ts'
import type { DesiredGroup, SeenBalancer, SeenInstance, WantedBalancer } from '../model.ts'
import { defaultInstanceName, ownedNlbName } from '../names.ts'
import type { NlbAnnotations } from './nlb-annotations.ts'
import { type NlbPlan, type NlbPort, type PortRange, rangeText } from './nlb-plan.ts'
import { GROUP_ROWS, HEALTH_CHECK_FLAG, HEALTH_CHECK_TYPE, NLB_LISTENER_ROWS, type NlbProtocol } from './table.ts'
import { type ZoneMap, zoneMapsOf } from './zone-maps.ts'

/** Attributes of an instance, in the words of the API; one that is not there is left to the API or as it is. */
export interface NlbSettings {
  readonly addressType?: string
  readonly name?: string
  readonly ipVersion?: string
  readonly ipv6AddressType?: string
  readonly resourceGroupId?: string
  readonly crossZone?: string
  readonly deletionProtection?: string
  readonly modificationProtection?: string
}

/** A listener as it should be. */
export interface DesiredNlbListener {
  /** 0 for a range. */
  readonly port: number
  readonly range?: PortRange
  readonly protocol: NlbProtocol
  readonly description: string
  /** Key of its group. */
  readonly groupName: string
  /** Parameters by name. */
  readonly settings: Values
  /** Further certificates; `undefined`: not looked after. */
  readonly certificates?: readonly string[]
}

/** A Network Load Balancer as a Service asks for it. */
export interface DesiredNlb extends WantedBalancer {
  readonly settings: NlbSettings
  /** `undefined`: not looked after. */
  readonly zones?: readonly ZoneMap[]
  /** `undefined`: not looked after. */
  readonly securityGroupIds?: readonly string[]
  /** `''`: none; `undefined`: not looked after. */
  readonly bandwidthPackageId?: string
  readonly listeners: readonly DesiredNlbListener[]
  /** What may reach it (`spec.loadBalancerSourceRanges`); `undefined`: everything. */
  readonly sourceRanges?: readonly string[]
}

export interface ObservedNlbListener {
  readonly id: string
  readonly port: number
  readonly range?: PortRange
  readonly protocol: NlbProtocol
  readonly description: string
  readonly isRunning: boolean
  readonly groupId: string
  readonly settings: Values
  /** Read only where they are looked after. */
  readonly certificates?: readonly string[]
}

export interface NlbInstance extends SeenInstance {
  readonly dnsName: string
  readonly vpcId: string
  readonly isReady: boolean
  readonly settings: NlbSettings
  readonly zones: readonly ZoneMap[]
  readonly securityGroupIds: readonly string[]
  readonly bandwidthPackageId: string
}

/** The security group that holds a Service's source ranges. */
export interface SourceGroup {
  readonly id: string
  readonly rules: readonly SourceRule[]
}

export interface SourceRule {
  readonly id: string
  /** Of who is let in; `undefined`: the rule that drops the rest, or another. */
  readonly accepts?: string
  readonly isDrop: boolean
}

/** A Network Load Balancer as the cloud has it. */
export interface ObservedNlb extends SeenBalancer {
  readonly instance: NlbInstance
  readonly listeners: readonly ObservedNlbListener[]
  readonly sourceGroup?: SourceGroup
}

/** The load balancer that a Service asks for. */
export function desiredNlb(plan: NlbPlan, groups: readonly DesiredGroup[]): DesiredNlb {
  const { service, annotations, rules } = plan
  const reuse = reuseOf(annotations)
  const tags = tagsFrom(annotations)
  const zones = zoneMapsOf(annotations, rules)
  const { instance, isThere } = annotations
  const ranges = reuse === undefined ? (service.spec.loadBalancerSourceRanges ?? []) : []
  return {
    settings: settingsOf(plan),
    ...(zones.length === 0 ? {} : { zones }),
    ...(isThere.securityGroupIds ? { securityGroupIds: listOf(instance.securityGroupIds) } : {}),
    ...(isThere.bandwidthPackageId ? { bandwidthPackageId: instance.bandwidthPackageId ?? '' } : {}),
    tags,
    droppedTags: droppedTags(service, new Set(tags.map(({ key }) => key))),
    ...(reuse === undefined ? {} : { reuse }),
    groups: groups.map((group) => completed(group, plan)),
    listeners: plan.ports.map((port) => listenerOf(port, plan)),
    ...(ranges.length === 0 ? {} : { sourceRanges: sourceRanges(ranges) }),
  }
}

function listOf(text = ''): readonly string[] {
  return text.split(',').filter((item) => item !== '')
}

const WORDS: Values = { internet: 'Internet', intranet: 'Intranet', ipv4: 'ipv4', dualstack: 'DualStack' }
const SWITCHES: Values = { on: 'true', off: 'false' }

/** Annotations that are not set stand for their defaults on an instance of our own. */
function settingsOf({ service, annotations: { instance }, rules }: NlbPlan): NlbSettings {
  const worded = (key: 'addressType' | 'ipVersion' | 'ipv6AddressType') => {
    const word = WORDS[instance[key]?.toLowerCase() ?? '']
    return word === undefined ? {} : { [key]: word }
  }
  const crossZone = SWITCHES[instance.crossZone?.toLowerCase() ?? '']
  const asked: NlbSettings = {
    ...worded('addressType'),
    ...worded('ipVersion'),
    ...worded('ipv6AddressType'),
    ...(instance.name === undefined ? {} : { name: instance.name }),
    ...(instance.resourceGroupId === undefined ? {} : { resourceGroupId: instance.resourceGroupId }),
    ...(crossZone === undefined ? {} : { crossZone }),
  }
  if (rules.compat || instance.id !== undefined) return asked
  return {
    addressType: 'Internet',
    name: defaultInstanceName(service),
    crossZone: 'true',
    deletionProtection: 'true',
    modificationProtection: 'ConsoleProtection',
    ...asked,
  }
}

/** A group with its type and its parameters; someone else's keeps those that it has. */
function completed(group: DesiredGroup, plan: NlbPlan): DesiredGroup {
  const users = plan.ports.filter(({ groupName }) => groupName === group.name)
  if (group.id !== undefined) return group
  const isAnyPort = users.some(({ range }) => range !== undefined)
  // Port 0 is the port that the client asked for.
  const backends = isAnyPort ? group.backends.map((backend) => ({ ...backend, port: 0 })) : group.backends
  return { ...group, backends, type: plan.groupType, settings: groupSettings(users, plan) }
}

/** The API's own check is by TCP, for groups of UDP too: nobody would be healthy. */
const DATAGRAM_ROWS = GROUP_ROWS.map((row) =>
  row.parameter === HEALTH_CHECK_TYPE ? { ...row, otherwise: 'UDP' } : row,
)

function groupSettings(users: readonly NlbPort[], { annotations, rules, addressTypes }: NlbPlan): Values {
  const isUdp = users.some(({ protocol }) => protocol === 'UDP')
  const settings = chosen(isUdp && !rules.compat ? DATAGRAM_ROWS : GROUP_ROWS, annotations, rules)
  const range = users.find((port) => port.range !== undefined)
  const anyPort =
    range === undefined
      ? {}
      : {
          AnyPortEnabled: 'true',
          'HealthCheckConfig.HealthCheckEnabled': 'true',
          'HealthCheckConfig.HealthCheckConnectPort': String(range.servicePort.targetPort ?? range.servicePort.port),
        }
  // Who ends TLS cannot show servers the client: said for people who do not.
  const isHidden = !rules.compat && users.some(({ protocol }) => protocol === 'TCPSSL')
  return {
    ...settings,
    ...anyPort,
    ...(isHidden ? { PreserveClientIpEnabled: 'false' } : {}),
    ...(addressTypes.includes('IPv6') ? { AddressIPVersion: 'DualStack' } : {}),
  }
}

/**
 * Parameters from annotations. One that is not set stands for the API's default; in ACK's own way for nothing. Without
 * `health-check-flag` no other annotation of health checks counts.
 */
function chosen(
  rows: readonly SettingRow[],
  { settings }: NlbAnnotations,
  { compat }: { readonly compat: boolean },
): Values {
  const checks = settings[HEALTH_CHECK_FLAG] !== undefined
  const set = valuesOf(rows, ({ suffix, parameter }) =>
    parameter.startsWith('HealthCheckConfig.') && !checks ? undefined : settings[suffix],
  )
  const all = onlyNeeded(rows, { ...valuesOf(rows, ({ otherwise }) => otherwise), ...set })
  return compat ? Object.fromEntries(Object.entries(all).filter(([name]) => set[name] !== undefined)) : all
}

function listenerOf(port: NlbPort, { annotations, owner, rules }: NlbPlan): DesiredNlbListener {
  const rows = NLB_LISTENER_ROWS.filter(({ protocols }) => protocols.includes(port.protocol))
  const looksAfter = port.protocol === 'TCPSSL' && annotations.isThere.additionalCertificates
  return {
    port: port.port,
    ...(port.range === undefined ? {} : { range: port.range }),
    protocol: port.protocol,
    description: ownedNlbName(port.range === undefined ? port.port : rangeText(port.range), port.protocol, owner),
    groupName: port.groupId ?? port.groupName,
    settings: chosen(rows, annotations, rules),
    ...(looksAfter ? { certificates: listOf(annotations.port.additionalCertificates) } : {}),
  }
}
