import { controllerRef } from '../../kube/owner.ts'
import type { ControllerRevision, DaemonSet } from '../../kube/types/apps.ts'
import { REVISION_LABEL } from './plan.ts'

export interface RevisionPlan {
  readonly create: ControllerRevision | undefined
  /** An old template that is the present one again: gets the highest number. */
  readonly renumber: { readonly revision: ControllerRevision; readonly to: number } | undefined
  /** Older than `revisionHistoryLimit` allows. */
  readonly delete: readonly ControllerRevision[]
}

/**
 * What keeps the history of a DaemonSet's templates, which `kubectl rollout history` and `undo` read.
 *
 * @param hash Hash of the present template.
 * @param used Hashes of templates that pods still have.
 */
export function planRevisions(
  set: DaemonSet,
  known: readonly ControllerRevision[],
  { hash, used }: { readonly hash: string; readonly used: ReadonlySet<string> },
): RevisionPlan {
  const highest = Math.max(0, ...known.map(({ revision }) => revision))
  const current = known.find(({ metadata }) => metadata.labels?.[REVISION_LABEL] === hash)
  const idle = known
    .filter(({ metadata }) => {
      const label = metadata.labels?.[REVISION_LABEL] ?? ''
      return label !== hash && !used.has(label)
    })
    .sort((a, b) => b.revision - a.revision)
  return {
    create: current === undefined ? revisionOf(set, hash, highest + 1) : undefined,
    renumber:
      current === undefined || current.revision === highest ? undefined : { revision: current, to: highest + 1 },
    delete: idle.slice(set.spec.revisionHistoryLimit ?? 10),
  }
}

function revisionOf(set: DaemonSet, hash: string, revision: number): ControllerRevision {
  const { name, namespace, annotations } = set.metadata
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...set.spec.template.metadata?.labels, [REVISION_LABEL]: hash },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerRef(set)],
    },
    data: { spec: { template: { ...set.spec.template, $patch: 'replace' } } },
    revision,
  }
}
