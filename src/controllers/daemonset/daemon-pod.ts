import { controllerRef } from '../../kube/owner.ts'
import type { DaemonSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { tolerationsOf } from './fit.ts'
import { REVISION_LABEL } from './plan.ts'

/** The pod for a node. It is put there at once: which nodes get one is decided here and not by the scheduler. */
export function daemonPod(set: DaemonSet, nodeName: string, revision: string): Pod {
  const { metadata, spec } = set.spec.template
  const { namespace, name } = set.metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata?.labels, [REVISION_LABEL]: revision },
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ownerReferences: [controllerRef(set)],
    },
    spec: { ...spec, nodeName, tolerations: tolerationsOf(spec) },
  }
}
