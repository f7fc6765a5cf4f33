import { parseCidr } from '../../base/ip.ts'
import { formatTime } from '../../base/time.ts'
import type { Parameters } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { pageByNumber } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { hasTags, tagFilter, tagsOf } from '../resource/tags.ts'
import { VPCS } from '../vpc/model.ts'
import { INSTANCES, NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroup, type SecurityGroupRule } from './model.ts'

/** Security groups and their rules. */
export const SECURITY_GROUP_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateSecurityGroup', createSecurityGroup],
  ['DeleteSecurityGroup', deleteSecurityGroup],
  ['DescribeSecurityGroups', describeSecurityGroups],
  ['DescribeSecurityGroupAttribute', describeSecurityGroupAttribute],
  ['AuthorizeSecurityGroup', (call) => authorize(call, 'ingress')],
  ['AuthorizeSecurityGroupEgress', (call) => authorize(call, 'egress')],
  ['RevokeSecurityGroup', (call) => revoke(call, 'ingress')],
  ['RevokeSecurityGroupEgress', (call) => revoke(call, 'egress')],
]

type Direction = SecurityGroupRule['direction']

function createSecurityGroup({ parameters, transaction, now }: Call): object {
  const vpcId = parameters.required('VpcId')
  if (transaction.get(VPCS, vpcId) === undefined) {
    throw new Refusal('InvalidVpcId.NotFound', `The VPC ${vpcId} does not exist.`, 404)
  }
  const count = transaction.list(SECURITY_GROUPS).length
  requireQuota(transaction, 'ecs_quota_security_groups_num', { wanted: count + 1, code: 'QuotaExceed.SecurityGroup' })
  const id = newResourceId('sg')
  transaction.put(SECURITY_GROUPS, id, {
    id,
    name: parameters.string('SecurityGroupName') ?? '',
    vpcId,
    type: parameters.oneOf('SecurityGroupType', ['normal', 'enterprise']) ?? 'normal',
    rules: [],
    tags: tagsOf(parameters),
    createdAt: now,
  })
  return { SecurityGroupId: id }
}

function deleteSecurityGroup({ parameters, transaction }: Call): object {
  const group = requireGroup(parameters.required('SecurityGroupId'), transaction)
  const members = [...transaction.list(INSTANCES), ...transaction.list(NETWORK_INTERFACES)]
  const member = members.find(({ securityGroupIds }) => securityGroupIds.includes(group.id))
  if (member !== undefined) {
    throw new Refusal('DependencyViolation', `${member.id} belongs to the security group ${group.id}.`, 403)
  }
  transaction.delete(SECURITY_GROUPS, group.id)
  return {}
}

function describeSecurityGroups({ parameters, transaction }: Call): object {
  const [vpcId, id, name] = ['VpcId', 'SecurityGroupId', 'SecurityGroupName'].map((parameter) =>
    parameters.string(parameter),
  )
  const found = transaction
    .list(SECURITY_GROUPS)
    .filter(
      (group) =>
        (vpcId === undefined || group.vpcId === vpcId) &&
        (id === undefined || group.id === id) &&
        (name === undefined || group.name === name) &&
        hasTags(group.tags, tagFilter(parameters)),
    )
  const { items, ...page } = pageByNumber(found, parameters)
  const SecurityGroup = items.map((group) => ({
    SecurityGroupId: group.id,
    SecurityGroupName: group.name,
    SecurityGroupType: group.type,
    VpcId: group.vpcId,
    Tags: { Tag: group.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
    CreationTime: formatTime(group.createdAt),
  }))
  return { SecurityGroups: { SecurityGroup }, ...page }
}

function describeSecurityGroupAttribute({ parameters, transaction }: Call): object {
  const group = requireGroup(parameters.required('SecurityGroupId'), transaction)
  const direction = parameters.oneOf('Direction', ['ingress', 'egress', 'all']) ?? 'all'
  const rules = group.rules.filter((rule) => direction === 'all' || rule.direction === direction)
  return {
    SecurityGroupId: group.id,
    SecurityGroupName: group.name,
    VpcId: group.vpcId,
    InnerAccessPolicy: 'Accept',
    Permissions: { Permission: rules.map(describeRule) },
  }
}

function describeRule(rule: SecurityGroupRule): object {
  const [cidr, group] = rule.direction === 'ingress' ? ['SourceCidrIp', 'SourceGroupId'] : ['DestCidrIp', 'DestGroupId']
  return {
    SecurityGroupRuleId: rule.id,
    Direction: rule.direction,
    Policy: rule.policy === 'accept' ? 'Accept' : 'Drop',
    // A text in answers, as the original has it.
    Priority: String(rule.priority),
    IpProtocol: rule.protocol.toUpperCase(),
    PortRange: rule.portRange,
    [cidr]: rule.cidr ?? '',
    [group]: rule.groupId ?? '',
  }
}

function authorize({ parameters, transaction }: Call, direction: Direction): object {
  const group = requireGroup(parameters.required('SecurityGroupId'), transaction)
  const added = permissions(parameters).map((permission) => ({
    id: newResourceId('sgr'),
    ...ruleOf(permission, direction),
  }))
  const fresh = added.filter((rule) => !group.rules.some((existing) => sameRule(existing, rule)))
  transaction.put(SECURITY_GROUPS, group.id, { ...group, rules: [...group.rules, ...fresh] })
  return {}
}

function revoke({ parameters, transaction }: Call, direction: Direction): object {
  const group = requireGroup(parameters.required('SecurityGroupId'), transaction)
  const ids = parameters.list('SecurityGroupRuleId')
  const removed = ids.length > 0 ? [] : permissions(parameters).map((permission) => ruleOf(permission, direction))
  const rules = group.rules.filter(
    (rule) => !(ids.includes(rule.id) || removed.some((candidate) => sameRule(rule, candidate))),
  )
  transaction.put(SECURITY_GROUPS, group.id, { ...group, rules })
  return {}
}

/** One rule by parameters of the call itself, or several as `Permissions.N.…`. */
function permissions(parameters: Parameters): Parameters[] {
  const several = parameters.objects('Permissions')
  return several.length > 0 ? several : [parameters]
}

function ruleOf(permission: Parameters, direction: Direction): Omit<SecurityGroupRule, 'id'> {
  const end = direction === 'ingress' ? 'Source' : 'Dest'
  const [cidr, groupId] = [permission.string(`${end}CidrIp`), permission.string(`${end}GroupId`)]
  if ((cidr === undefined) === (groupId === undefined)) {
    throw new Refusal('InvalidParam.SourceIp', `Give either ${end}CidrIp or ${end}GroupId.`)
  }
  if (cidr !== undefined && parseCidr(cidr) === undefined) {
    throw new Refusal('InvalidParam.SourceIp', `The ${end}CidrIp '${cidr}' is not a range such as 10.0.0.0/8.`)
  }
  return {
    direction,
    policy: (permission.string('Policy') ?? 'accept').toLowerCase() === 'drop' ? 'drop' : 'accept',
    priority: permission.integer('Priority', { min: 1, max: 100, code: 'InvalidPriority.ValueNotSupported' }) ?? 1,
    protocol: protocolOf(permission.required('IpProtocol')),
    portRange: portRangeOf(permission.required('PortRange')),
    ...(cidr === undefined ? {} : { cidr }),
    ...(groupId === undefined ? {} : { groupId }),
  }
}

function protocolOf(text: string): SecurityGroupRule['protocol'] {
  const protocol = (['tcp', 'udp', 'icmp', 'all'] as const).find((candidate) => candidate === text.toLowerCase())
  if (protocol !== undefined) return protocol
  throw new Refusal(
    'InvalidIpProtocol.Malformed',
    `The IpProtocol '${text}' is not supported: give tcp, udp, icmp or all.`,
  )
}

function portRangeOf(text: string): string {
  if (text === '-1/-1') return text
  const [, from, to] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []
  if (from !== undefined && to !== undefined && Number(from) >= 1 && Number(from) <= Number(to) && Number(to) <= 65_535)
    return text
  throw new Refusal(
    'InvalidParam.PortRange',
    `The PortRange '${text}' is not valid: give from/to such as 80/88, or -1/-1 for all.`,
  )
}

function sameRule(a: Omit<SecurityGroupRule, 'id'>, b: Omit<SecurityGroupRule, 'id'>): boolean {
  const text = ({ direction, policy, priority, protocol, portRange, cidr, groupId }: Omit<SecurityGroupRule, 'id'>) =>
    JSON.stringify([direction, policy, priority, protocol, portRange, cidr, groupId])
  return text(a) === text(b)
}

function requireGroup(id: string, transaction: Call['transaction']): SecurityGroup {
  const group = transaction.get(SECURITY_GROUPS, id)
  if (group !== undefined) return group
  throw new Refusal('InvalidSecurityGroupId.NotFound', `The security group ${id} does not exist.`, 404)
}
