import { isConditionTrue } from '../kube/conditions.ts'
import type { Node } from '../kube/types/core.ts'

const EXCLUDED_FROM_BALANCERS = [
  'node.kubernetes.io/exclude-from-external-load-balancers',
  'alpha.service-controller.kubernetes.io/exclude-balancer',
]
const EXCLUDED = ['service.alibabacloud.com/exclude-node', 'service.beta.kubernetes.io/exclude-node']
const MASTER = 'node-role.kubernetes.io/master'
const AUTOSCALER_TAINT = 'ToBeDeletedByClusterAutoscaler'
const HYBRID_PREFIX = 'ack-hybrid://'
const PROVIDER_PREFIX = 'alicloud://'

/** Whether the node is none of the controller's business. */
export function isExcluded({ metadata, spec }: Node): boolean {
  return hasLabel(metadata.labels, EXCLUDED) || spec?.providerID?.startsWith(HYBRID_PREFIX) === true
}

/** A node without a machine of its own (ECI): its pods have interfaces. */
export function isVirtual({ metadata }: Node): boolean {
  return metadata.labels?.type === 'virtual-kubelet'
}

/** `<region>.<instance>` after an optional `alicloud://`; `undefined` when it is not that. */
export function instanceIdOf({ spec }: Node): string | undefined {
  const id = spec?.providerID ?? ''
  const [region, instance, ...rest] = (id.startsWith(PROVIDER_PREFIX) ? id.slice(PROVIDER_PREFIX.length) : id).split(
    '.',
  )
  return region && instance && rest.length === 0 ? instance : undefined
}

/** What a Service wants of nodes. */
export interface NodeWishes {
  /** Labels that a node must have. */
  readonly labels: readonly (readonly [name: string, value: string])[]
  /** Whether cordoned nodes are left out. */
  readonly removeUnscheduled: boolean
}

/** Why a node cannot be a backend; `isFault` for what somebody may have to mend, in contrast to what was asked for. */
export interface NodeRefusal {
  readonly reason: string
  readonly isFault: boolean
}

/** Why a node takes no traffic for a Service; `undefined` when it does. */
export function nodeRefusal(node: Node, wishes: NodeWishes): NodeRefusal | undefined {
  const { metadata, spec, status } = node
  const wanted = (reason: string): NodeRefusal => ({ reason, isFault: false })
  const fault = (reason: string): NodeRefusal => ({ reason, isFault: true })
  if (isExcluded(node)) return wanted('it is excluded from the cloud controller by a label or its providerID')
  const missing = wishes.labels.find(([name, value]) => metadata.labels?.[name] !== value)
  if (missing !== undefined) return wanted(`it lacks the label ${missing.join('=')} of the annotation backend-label`)
  if (metadata.labels?.[MASTER] !== undefined) return wanted(`it has the label ${MASTER}`)
  if (spec?.taints?.some(({ key }) => key === AUTOSCALER_TAINT)) return wanted(`it has the taint ${AUTOSCALER_TAINT}`)
  if (wishes.removeUnscheduled && spec?.unschedulable === true) return wanted('it is cordoned')
  if (isVirtual(node)) return undefined
  if (!isConditionTrue(status?.conditions, 'Ready')) return fault('it is not Ready')
  return undefined
}

/** Why a node's machine cannot be attached; `undefined` when it can. */
export function machineRefusal(node: Node): NodeRefusal | undefined {
  const label = EXCLUDED_FROM_BALANCERS.find((name) => node.metadata.labels?.[name] !== undefined)
  if (label !== undefined) return { reason: `it has the label ${label}`, isFault: false }
  if (instanceIdOf(node) !== undefined) return undefined
  return {
    reason: `its providerID '${node.spec?.providerID ?? ''}' is not of the form <region>.<instance-id>`,
    isFault: true,
  }
}

function hasLabel(labels: Readonly<Record<string, string>> | undefined, names: readonly string[]): boolean {
  return names.some((name) => labels?.[name] !== undefined)
}
