import type { Draft } from '../../kube/kind.ts'
import { jsonEqual } from '../../kube/patch/json.ts'
import { pods } from '../../kube/resource.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import type { Admission, AdmittedWrite } from '../admission.ts'
import type { User } from '../request.ts'
import { forbidden } from '../status-error.ts'
import { nodeOf } from './node-user.ts'

const MIRROR = 'kubernetes.io/config.mirror'
const LEASE_NAMESPACE = 'kube-node-lease'

/** Labels of Kubernetes' own that a kubelet may set on its node. */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
])
const KUBELET_PREFIXES = ['kubelet.kubernetes.io', 'node.kubernetes.io']

/**
 * What authorization cannot see of a kubelet's writes: the name of a new Node, Lease or mirror pod, and labels and
 * taints, by which it could draw pods to itself (upstream's admission plug-in NodeRestriction).
 */
export const restrictNodes: Admission = (write) => {
  const node = nodeOf(write.user)
  if (node === undefined) return
  switch (write.kind.resource.plural) {
    case 'nodes':
      return admitNode(write, node)
    case 'pods':
      return admitPod(write, node)
    case 'leases':
      return admitLease(write, node)
    default:
  }
}

function admitNode(write: AdmittedWrite, node: string): void {
  const object = write.object as unknown as Node
  const old = write.old as Node | undefined
  if (object.metadata.name !== node)
    throw refused(write, `node "${node}" is not allowed to modify node "${object.metadata.name}"`)
  const labels = changedLabels(object, old).filter((key) => !mayLabel(key))
  if (labels.length > 0) {
    throw refused(write, `node "${node}" is not allowed to modify labels: ${labels.sort().join(', ')}`)
  }
  if (old !== undefined && !jsonEqual(object.spec?.taints ?? [], old.spec?.taints ?? [])) {
    throw refused(write, `node "${node}" is not allowed to modify taints`)
  }
  if (old !== undefined && !jsonEqual(object.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) {
    throw refused(write, `node "${node}" is not allowed to modify ownerReferences`)
  }
}

function changedLabels({ metadata }: Node, old: Node | undefined): string[] {
  const now = metadata.labels ?? {}
  const before = old?.metadata.labels ?? {}
  return [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((key) => now[key] !== before[key])
}

function mayLabel(key: string): boolean {
  if (KUBELET_LABELS.has(key)) return true
  const prefix = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
  if (KUBELET_PREFIXES.some((each) => prefix === each || prefix.endsWith(`.${each}`))) return true
  return !['kubernetes.io', 'k8s.io'].some((each) => prefix === each || prefix.endsWith(`.${each}`))
}

function admitPod(write: AdmittedWrite, node: string): void {
  const pod = write.object as unknown as Pod
  const old = write.old as Pod | undefined
  if (old === undefined) {
    if (pod.metadata.annotations?.[MIRROR] === undefined) {
      throw refused(write, `pod does not have "${MIRROR}" annotation, node "${node}" can only create mirror pods`)
    }
    if (pod.spec.nodeName !== node) {
      throw refused(write, `node "${node}" can only create pods with spec.nodeName set to itself`)
    }
  } else if (write.subresource !== 'status' || old.spec.nodeName !== node) {
    throw refused(write, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`)
  } else if (!jsonEqual(pod.metadata.labels ?? {}, old.metadata.labels ?? {})) {
    throw refused(write, `node "${node}" cannot update labels through pod status`)
  }
}

function admitLease(write: AdmittedWrite, node: string): void {
  const { name, namespace } = write.object.metadata as Draft
  if (namespace !== LEASE_NAMESPACE || name !== node) {
    throw refused(write, `node "${node}" can only access node lease with the same name as the requesting node`)
  }
}

function refused({ kind, object }: AdmittedWrite, text: string): Error {
  return forbidden(kind.resource, String((object.metadata as Draft).name), text)
}

/** A kubelet gets tokens only for the service accounts of its pods, each bound to such a pod. @throws StatusError Forbidden */
export function restrictToken(user: User, account: string, pod: Pod | undefined): void {
  const node = nodeOf(user)
  if (node === undefined) return
  if (pod === undefined) throw forbidden(pods, '', 'node requested token not bound to a pod')
  if (pod.spec.nodeName !== node) {
    throw forbidden(pods, pod.metadata.name, 'node requested token bound to a pod scheduled on a different node')
  }
  if ((pod.spec.serviceAccountName || 'default') !== account) {
    throw forbidden(pods, pod.metadata.name, 'node requested token for a service account that its pod does not use')
  }
}
