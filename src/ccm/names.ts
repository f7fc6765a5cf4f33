import type { Service } from '../kube/types/core.ts'

export const CLB_FINALIZER = 'service.k8s.alibaba/resources'
export const NLB_FINALIZER = 'service.k8s.alibaba/nlb'
export const NLB_CLASS = 'alibabacloud.com/nlb'
export const HASH_LABEL = 'service.beta.kubernetes.io/hash'
export const INSTANCE_LABEL = 'service.k8s.alibaba/loadbalancer-id'
export const SECURITY_GROUP_LABEL = 'service.k8s.alibaba/security-group-id'
/** Our own: keys of the tags that `additional-resource-tags` put on the instance, to take them away with it. */
export const APPLIED_TAGS_ANNOTATION = 'service.k8s.alibaba/applied-resource-tags'
export const OWNER_TAG = 'kubernetes.do.not.delete'
export const CLUSTER_TAG = 'ack.aliyun.com'
export const REUSED_TAG = 'kubernetes.reused.by.user'
export const READINESS_GATE_PREFIX = 'service.readiness.alibabacloud.com/'

const INSTANCE_NAME_LENGTH = 32

/** Longest names that the API takes. */
export const GROUP_NAME_LENGTH = 80
export const NLB_GROUP_NAME_LENGTH = 128
export const LISTENER_DESCRIPTION_LENGTH = 256

/** The name of a Service's instance unless an annotation gives another, and the value of its tag: `a` and the uid. */
export function defaultInstanceName({ metadata }: Service): string {
  return `a${(metadata.uid ?? '').replaceAll('-', '')}`.slice(0, INSTANCE_NAME_LENGTH)
}

/** Name of the access control list that holds `spec.loadBalancerSourceRanges`. */
export function sourceRangesAclName(service: Service): string {
  return `k8s-clb-${defaultInstanceName(service)}`
}

/** Whose a listener, group or backend is. */
export interface Owner {
  readonly service: string
  readonly namespace: string
  readonly clusterId: string
}

export function ownerOf({ metadata }: Service, clusterId: string): Owner {
  return { service: metadata.name, namespace: metadata.namespace ?? 'default', clusterId }
}

/** `k8s/<port>/<service>/<namespace>/<cluster>`: a listener's description, a group's name, a backend's description. */
export function ownedName(port: number | string, { service, namespace, clusterId }: Owner): string {
  return `k8s/${port}/${service}/${namespace}/${clusterId}`
}

/** The same on NLB: `k8s.<port>.<PROTOCOL>.<service>.<namespace>.<cluster>`. */
export function ownedNlbName(
  port: number | string,
  protocol: string,
  { service, namespace, clusterId }: Owner,
): string {
  return `k8s.${port}.${protocol}.${service}.${namespace}.${clusterId}`
}

/** Who owns what bears this name, on CLB or NLB; `undefined` for what people made. */
export function parseOwnedName(name: string): (Owner & { readonly port: string }) | undefined {
  return name.startsWith('k8s.') ? parseNlbName(name) : parseClbName(name)
}

function parseClbName(name: string): (Owner & { readonly port: string }) | undefined {
  const parts = name.split('/')
  const [prefix, port, service, namespace, clusterId] = parts
  if (parts.length !== 5 || prefix !== 'k8s' || !port || !service || !namespace || !clusterId) return undefined
  return { port, service, namespace, clusterId }
}

/** Names of Services and namespaces have no dots; those of clusters may. */
function parseNlbName(name: string): (Owner & { readonly port: string }) | undefined {
  const [, port, protocol, service, namespace, ...rest] = name.split('.')
  const clusterId = rest.join('.')
  if (!port || !protocol || !service || !namespace || !clusterId) return undefined
  return { port, service, namespace, clusterId }
}

/** The same for the description of a listener, whose port is a number, or a range on NLB. */
export function parseListenerDescription(description: string): (Owner & { readonly port: string }) | undefined {
  const parsed = parseOwnedName(description)
  return parsed !== undefined && /^\d+(_\d+)?$/.test(parsed.port) ? parsed : undefined
}

export function isOwnedBy(name: string, owner: Owner): boolean {
  const parsed = parseOwnedName(name)
  return (
    parsed !== undefined &&
    parsed.service === owner.service &&
    parsed.namespace === owner.namespace &&
    parsed.clusterId === owner.clusterId
  )
}
