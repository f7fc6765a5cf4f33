import type { Service } from '../../kube/types/core.ts'
import { crossProblems } from '../annotations/cross-rules.ts'
import { annotationProblems, readAnnotations, type ServiceAnnotations } from '../annotations/service-annotations.ts'
import type { DesiredGroup, DesiredListener, DesiredModel } from '../model.ts'
import { APPLIED_TAGS_ANNOTATION, defaultInstanceName, ownedName, ownerOf } from '../names.ts'
import { desiredSettings, reuseOf, tagsFrom } from './instance.ts'
import { domainExtensions, listenerSettings } from './listeners.ts'
import { type ListenerPort, listenerPorts } from './ports.ts'
import { groupPort, type ModelRules, policyOf, type ServicePlan } from './service-plan.ts'

/** A Service that asks for a Classic Load Balancer. */
export interface ClassicPlan extends ServicePlan {
  readonly annotations: ServiceAnnotations
  readonly ports: readonly ListenerPort[]
}

/** Reads and checks a Service. */
export function planService(service: Service, rules: ModelRules): ClassicPlan {
  const raw = service.metadata.annotations ?? {}
  const annotations = readAnnotations(raw)
  const owner = ownerOf(service, rules.clusterId)
  const policy = policyOf(service, annotations, rules)
  const ports = listenerPorts(service, annotations, (port) => ownedName(groupPort(port, policy), owner))
  const single = annotationProblems(raw, rules)
  const groupNames = ports.flatMap(({ groupName }) => groupName ?? [])
  const cross = rules.compat ? [] : crossProblems({ service, owner, annotations, ports, groupNames })
  const seen = new Set(single.map(({ where }) => where))
  const problems = [...single, ...cross.filter(({ where }) => !seen.has(where))]
  const addressTypes = [usesIpv6(annotations, rules) ? 'IPv6' : 'IPv4'] as const
  return { service, owner, annotations, ports, policy, addressTypes, byAddress: false, problems, rules }
}

function usesIpv6({ backend, instance }: ServiceAnnotations, rules: ModelRules): boolean {
  return rules.ipv6DualStack && backend.backendIpVersion === 'ipv6' && instance.ipVersion === 'ipv6'
}

/** The load balancer that a Service asks for. */
export function desiredModel(plan: ClassicPlan, groups: readonly DesiredGroup[]): DesiredModel {
  const { service, annotations, rules } = plan
  const reuse = reuseOf(annotations)
  const tags = tagsFrom(annotations)
  const ranges = rules.compat ? [] : (service.spec.loadBalancerSourceRanges ?? [])
  return {
    settings: desiredSettings(annotations, { compat: rules.compat, defaultName: defaultInstanceName(service) }),
    tags,
    droppedTags: droppedTags(service, new Set(tags.map(({ key }) => key))),
    ...(reuse === undefined ? {} : { reuse }),
    groups,
    listeners: plan.ports.map((port) => listenerOf(port, plan)),
    ...(ranges.length === 0 ? {} : { sourceRanges: sourceRanges(ranges) }),
  }
}

/** Each range once, in order. */
export function sourceRanges(ranges: readonly string[]): readonly string[] {
  return [...new Set(ranges.map((range) => range.trim()))].sort()
}

/** Keys of tags that the annotation listed before. */
export function droppedTags({ metadata }: Service, kept: ReadonlySet<string>): readonly string[] {
  const applied = (metadata.annotations?.[APPLIED_TAGS_ANNOTATION] ?? '').split(',')
  return applied.filter((key) => key !== '' && !kept.has(key))
}

function listenerOf(port: ListenerPort, plan: ClassicPlan): DesiredListener {
  const extensions = domainExtensions(port.protocol, plan.annotations)
  return {
    port: port.port,
    protocol: port.protocol,
    description: ownedName(port.port, plan.owner),
    ...(port.groupName === undefined ? {} : { groupName: port.groupId ?? port.groupName }),
    ...listenerSettings(port, plan.annotations, plan.rules),
    ...(extensions === undefined ? {} : { domainExtensions: extensions }),
  }
}
