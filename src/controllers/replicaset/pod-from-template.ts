import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { OwnerReference } from '../../kube/types/meta.ts'

/** A pod as the template has it; its name is left to the server. */
export function podFromTemplate(set: ReplicaSet, owner: OwnerReference): Pod {
  const { metadata, spec } = set.spec.template ?? { spec: { containers: [] } }
  const { namespace, name } = set.metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ownerReferences: [owner],
    },
    spec,
  }
}
