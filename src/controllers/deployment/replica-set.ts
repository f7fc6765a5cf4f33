import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import { sameJson } from '../canonical-json.ts'
import { POD_TEMPLATE_HASH, sameTemplate, templateHash } from '../template-hash.ts'
import { fenceposts, wantedReplicas } from './fenceposts.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

/** Annotations of a Deployment that its ReplicaSets do not get, or have of their own. */
const NOT_COPIED = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]

/** The number of pods a ReplicaSet is told to have. */
export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1
}

const MAX_INT64 = 2n ** 63n - 1n

/** Its number in the Deployment's history, of 64 bits as upstream's; 0 when it has none. */
export function revisionOf(replicaSet: ReplicaSet): bigint {
  const text = replicaSet.metadata.annotations?.[REVISION] ?? ''
  const revision = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n
  return revision > MAX_INT64 ? 0n : revision
}

/** The ReplicaSet that has the Deployment's template: the oldest if there are several. */
export function findNew(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...replicaSets]
    .sort(byAge)
    .find(({ spec }) => spec.template !== undefined && sameTemplate(spec.template, deployment.spec.template))
}

/** Oldest first; by name within a second. */
export function byAge(left: ReplicaSet, right: ReplicaSet): number {
  const [a, b] = [left.metadata.creationTimestamp ?? '', right.metadata.creationTimestamp ?? '']
  if (a !== b) return a < b ? -1 : 1
  return left.metadata.name < right.metadata.name ? -1 : 1
}

/** The ReplicaSet to create for the Deployment's template, of size 0. */
export function newReplicaSet(deployment: Deployment, revision: bigint): ReplicaSet {
  const hash = templateHash(deployment.spec.template, deployment.status?.collisionCount ?? 0)
  const { namespace, name, uid = '' } = deployment.metadata
  const template = deployment.spec.template
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash }
  const { selector, minReadySeconds } = deployment.spec
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      annotations: { ...copiedAnnotations(deployment), ...sizeAnnotations(deployment), [REVISION]: String(revision) },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

/** The new ReplicaSet as it should be noted: the Deployment's annotations, the latest revision, its minReadySeconds. */
export function refreshed(replicaSet: ReplicaSet, deployment: Deployment, revision: bigint): ReplicaSet {
  const { minReadySeconds } = deployment.spec
  const annotations = {
    ...replicaSet.metadata.annotations,
    ...copiedAnnotations(deployment),
    ...historyAnnotations(replicaSet, revision),
  }
  return {
    ...replicaSet,
    metadata: { ...replicaSet.metadata, annotations },
    spec: { ...replicaSet.spec, ...(minReadySeconds === undefined ? {} : { minReadySeconds }) },
  }
}

/** The ReplicaSet with another size, and what the Deployment wanted at that time. */
export function resized(replicaSet: ReplicaSet, deployment: Deployment, size: number): ReplicaSet {
  return {
    ...replicaSet,
    metadata: {
      ...replicaSet.metadata,
      annotations: { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) },
    },
    spec: { ...replicaSet.spec, replicas: size },
  }
}

/** Whether writing `next` over `replicaSet` would change nothing. */
export function isUnchanged(replicaSet: ReplicaSet, next: ReplicaSet): boolean {
  return (
    sizeOf(replicaSet) === sizeOf(next) &&
    (replicaSet.spec.minReadySeconds ?? 0) === (next.spec.minReadySeconds ?? 0) &&
    sameJson(replicaSet.metadata.annotations ?? {}, next.metadata.annotations ?? {})
  )
}

function historyAnnotations(replicaSet: ReplicaSet, revision: bigint): Readonly<Record<string, string>> {
  const known = revisionOf(replicaSet)
  if (known >= revision) return {}
  if (known === 0n) return { [REVISION]: String(revision) }
  const history = replicaSet.metadata.annotations?.[REVISION_HISTORY]
  return {
    [REVISION]: String(revision),
    [REVISION_HISTORY]: history === undefined || history === '' ? String(known) : `${history},${known}`,
  }
}

function copiedAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const entries = Object.entries(deployment.metadata.annotations ?? {})
  return Object.fromEntries(entries.filter(([key]) => !NOT_COPIED.includes(key)))
}

function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const wanted = wantedReplicas(deployment)
  return { [DESIRED_REPLICAS]: String(wanted), [MAX_REPLICAS]: String(wanted + fenceposts(deployment).maxSurge) }
}
