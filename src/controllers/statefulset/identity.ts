import type { ControllerRevision, StatefulSet } from '../../kube/types/apps.ts'
import type { Pod, PodTemplateSpec } from '../../kube/types/core.ts'
import type { OwnerReference } from '../../kube/types/meta.ts'
import { revisionName, templateOf } from '../revision-history.ts'
import { templateHash } from '../template-hash.ts'

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name'
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index'
/** Label of a pod: the name of its revision. */
export const REVISION_LABEL = 'controller-revision-hash'
/** Label of a revision: the hash of its template. */
export const HASH_LABEL = 'controller.kubernetes.io/hash'

/** Name of the revision that a StatefulSet's template makes, e.g. `web-5b8d7c9f4`. */
export function revisionOf(set: StatefulSet): string {
  return revisionName(set, hashOf(set))
}

/** Hash of the StatefulSet's present template. */
export function hashOf({ spec, status }: StatefulSet): string {
  return templateHash(spec.template, status?.collisionCount ?? 0)
}

/**
 * Template and revision of a pod that is to be made: below the partition, and while an update has not come so far, a
 * pod comes back as it was (upstream's newVersionedStatefulSetPod).
 *
 * @param current The revision that `status.currentRevision` names, when it is known.
 */
export function versionFor(
  set: StatefulSet,
  ordinal: number,
  current: ControllerRevision | undefined,
): { readonly template: PodTemplateSpec; readonly revision: string } {
  const present = { template: set.spec.template, revision: revisionOf(set) }
  const template = templateOf(current)
  if (current === undefined || template === undefined || set.spec.updateStrategy?.type === 'OnDelete') return present
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition
  const kept = partition ?? set.status?.currentReplicas ?? 0
  const isKept = ordinal < (set.spec.ordinals?.start ?? 0) + kept
  return isKept ? { template, revision: current.metadata.name } : present
}

/** `web-3` -> 3 for the StatefulSet `web`; `undefined` for a name that is not one of its own. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`
  if (!pod.metadata.name.startsWith(prefix)) return undefined
  const text = pod.metadata.name.slice(prefix.length)
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined
}

/** The pod with the given ordinal: stable name, hostname and subdomain, so that DNS names it. */
export function statefulPod(
  set: StatefulSet,
  ordinal: number,
  context: { readonly owner: OwnerReference; readonly revision: string; readonly template?: PodTemplateSpec },
): Pod {
  const name = `${set.metadata.name}-${ordinal}`
  const { metadata, spec } = context.template ?? set.spec.template
  const namespace = set.metadata.namespace
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...metadata?.labels,
        [POD_NAME_LABEL]: name,
        [POD_INDEX_LABEL]: String(ordinal),
        [REVISION_LABEL]: context.revision,
      },
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ownerReferences: [context.owner],
    },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec.serviceName === undefined ? {} : { subdomain: set.spec.serviceName }),
    },
  }
}
