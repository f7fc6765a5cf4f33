import type { StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { OwnerReference } from '../../kube/types/meta.ts'
import { templateHash } from '../template-hash.ts'

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name'
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index'
export const REVISION_LABEL = 'controller-revision-hash'

/** Name of the revision that a StatefulSet's template makes, e.g. `web-5b8d7c9f4`. */
export function revisionOf(set: StatefulSet): string {
  return `${set.metadata.name}-${templateHash(set.spec.template, set.status?.collisionCount ?? 0)}`
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
  context: { readonly owner: OwnerReference; readonly revision: string },
): Pod {
  const name = `${set.metadata.name}-${ordinal}`
  const { metadata, spec } = set.spec.template
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
