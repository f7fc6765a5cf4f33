import { listOf, textOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import { ownerTags, tagParameters } from '../diff/instance-tags.ts'
import type { Step } from '../diff/step.ts'
import { OWNER_TAG } from '../names.ts'
import type { SourceGroup, SourceRule } from './nlb-model.ts'

export interface SourceGroupOptions {
  readonly vpcId: string
  readonly clusterId: string
  /** `a<uid>` */
  readonly defaultName: string
  readonly resourceGroupId?: string
}

const EVERYBODY = '0.0.0.0/0'
const [ACCEPT_PRIORITY, DROP_PRIORITY] = [1, 100]
/** Rules that one call takes. */
const RULES_PER_CALL = 100

/** The security group of a Service's source ranges, by its tag. */
export async function findSourceGroup(api: CloudApi, defaultName: string): Promise<SourceGroup | undefined> {
  const answer = await api.call('ecs', 'DescribeSecurityGroups', {
    Tag: tagParameters([{ key: OWNER_TAG, value: defaultName }]),
  })
  const [found] = listOf(answer, 'SecurityGroups', 'SecurityGroup')
  if (found === undefined) return undefined
  const id = textOf(found, 'SecurityGroupId')
  const place = { SecurityGroupId: id, Direction: 'ingress' }
  const attribute = await api.call('ecs', 'DescribeSecurityGroupAttribute', place)
  return { id, rules: listOf(attribute, 'Permissions', 'Permission').map(readRule) }
}

function readRule(item: Answer): SourceRule {
  const source = textOf(item, 'SourceCidrIp')
  const policy = textOf(item, 'Policy').toLowerCase()
  return {
    id: textOf(item, 'SecurityGroupRuleId'),
    ...(policy === 'accept' ? { accepts: source } : {}),
    isDrop: policy === 'drop' && source === EVERYBODY,
  }
}

/** Makes the security group, which lets everybody in until it has rules. */
export async function createSourceGroup(api: CloudApi, options: SourceGroupOptions): Promise<SourceGroup> {
  const { vpcId, defaultName, resourceGroupId } = options
  const answer = await api.call('ecs', 'CreateSecurityGroup', {
    VpcId: vpcId,
    SecurityGroupName: `k8s-nlb-${defaultName}`,
    SecurityGroupType: 'enterprise',
    ...(resourceGroupId === undefined ? {} : { ResourceGroupId: resourceGroupId }),
    Tag: tagParameters(ownerTags(options)),
  })
  return { id: textOf(answer, 'SecurityGroupId'), rules: [] }
}

/** Lets in whom ranges name and drops the rest; what is new is let in before what is old is shut out. */
export function diffSourceGroup(ranges: readonly string[], { id, rules }: SourceGroup): readonly Step[] {
  const there = new Set(rules.flatMap(({ accepts }) => accepts ?? []))
  const added = ranges.filter((range) => !there.has(range)).map((range) => permission('Accept', range))
  const drop = rules.some(({ isDrop }) => isDrop) ? [] : [permission('Drop', EVERYBODY)]
  const removed = rules.filter(({ accepts, isDrop }) => !isDrop && (accepts === undefined || !ranges.includes(accepts)))
  const wanted = [...added, ...drop]
  const steps: Step[] = []
  for (let at = 0; at < wanted.length; at += RULES_PER_CALL) {
    const parameters = { SecurityGroupId: id, Permissions: wanted.slice(at, at + RULES_PER_CALL) }
    steps.push({ product: 'ecs', action: 'AuthorizeSecurityGroup', parameters })
  }
  for (let at = 0; at < removed.length; at += RULES_PER_CALL) {
    const ids = removed.slice(at, at + RULES_PER_CALL).map((rule) => rule.id)
    const parameters = { SecurityGroupId: id, SecurityGroupRuleId: ids }
    steps.push({ product: 'ecs', action: 'RevokeSecurityGroup', parameters })
  }
  return steps
}

function permission(policy: 'Accept' | 'Drop', range: string): object {
  return {
    Policy: policy,
    Priority: policy === 'Accept' ? ACCEPT_PRIORITY : DROP_PRIORITY,
    IpProtocol: 'ALL',
    PortRange: '-1/-1',
    SourceCidrIp: range,
  }
}

/** Ends the security group; nobody may be in it any more. */
export function deleteSourceGroup({ id }: SourceGroup): Step {
  return { product: 'ecs', action: 'DeleteSecurityGroup', parameters: { SecurityGroupId: id } }
}
