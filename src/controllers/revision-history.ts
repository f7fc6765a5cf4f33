import { isAlreadyExists } from '../kube/api-error.ts'
import type { Informer } from '../kube/informer.ts'
import { controllerRef } from '../kube/owner.ts'
import { controllerRevisions } from '../kube/resource.ts'
import type { ControllerRevision } from '../kube/types/apps.ts'
import type { PodTemplateSpec } from '../kube/types/core.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { canonicalJson } from './canonical-json.ts'
import { adoptionPatch } from './claim.ts'
import type { ControllerContext } from './controller.ts'
import { BY_CONTROLLER, controllerUid } from './indexes.ts'
import { isNamespaceTerminating } from './namespace-terminating.ts'
import { OwnWrites } from './own-writes.ts'

/** An object whose templates are kept, so that `kubectl rollout history` and `undo` find them. */
export interface WithHistory extends KubeObject {
  readonly spec: { readonly template: PodTemplateSpec; readonly revisionHistoryLimit?: number }
}

export interface RevisionPlan {
  readonly create: ControllerRevision | undefined
  /** An old template that is the present one again: gets the highest number. */
  readonly renumber: { readonly revision: ControllerRevision; readonly to: number } | undefined
  /** Older than `revisionHistoryLimit` allows. */
  readonly delete: readonly ControllerRevision[]
}

/** The present template of an object, and the ones that are in use. */
export interface Revisions {
  /** Hash of the present template. */
  readonly hash: string
  /** Label of a revision that has the hash. */
  readonly hashLabel: string
  /** Names of revisions that must be kept: those that pods have. */
  readonly used: ReadonlySet<string>
}

/** Name of the revision that keeps a template of the object, e.g. `web-5b8d7c9f4`. */
export function revisionName({ metadata }: KubeObject, hash: string): string {
  return `${metadata.name}-${hash}`
}

/** What keeps the history of an object's templates. @param known The revisions that it controls. */
export function planRevisions(
  owner: WithHistory,
  known: readonly ControllerRevision[],
  revisions: Revisions,
): RevisionPlan {
  const name = revisionName(owner, revisions.hash)
  const highest = Math.max(0, ...known.map(({ revision }) => revision))
  const current = known.find(({ metadata }) => metadata.name === name)
  const idle = known
    .filter(({ metadata }) => metadata.name !== name && !revisions.used.has(metadata.name))
    .sort((a, b) => b.revision - a.revision)
  return {
    create: current === undefined ? revisionOf(owner, revisions, highest + 1) : undefined,
    renumber:
      current === undefined || current.revision === highest ? undefined : { revision: current, to: highest + 1 },
    delete: idle.slice(owner.spec.revisionHistoryLimit ?? 10),
  }
}

/** The template that a revision keeps. */
export function templateOf(revision: ControllerRevision | undefined): PodTemplateSpec | undefined {
  const data = revision?.data as { readonly spec?: { readonly template?: PodTemplateSpec } } | undefined
  const template = data?.spec?.template
  if (template === undefined) return undefined
  const { $patch: _directive, ...rest } = template as PodTemplateSpec & { readonly $patch?: string }
  return rest
}

/** Keeps ControllerRevisions. */
export class RevisionHistory {
  readonly #context: ControllerContext
  readonly #revisions: Informer<ControllerRevision>
  readonly #written: OwnWrites<ControllerRevision>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#revisions = context.informers.for(controllerRevisions)
    this.#written = new OwnWrites(this.#revisions)
  }

  /** The revisions that the object controls, with own writes that the watch has not shown. */
  of({ metadata }: KubeObject): readonly ControllerRevision[] {
    const { uid = '' } = metadata
    return this.#written.view(this.#revisions.byIndex(BY_CONTROLLER, uid), (each) => controllerUid(each) === uid)
  }

  /** Brings the history up to date. @throws ApiError */
  async keep(owner: WithHistory, revisions: Revisions): Promise<void> {
    const { client } = this.#context
    const plan = planRevisions(owner, this.of(owner), revisions)
    if (plan.create !== undefined) await this.#create(owner, plan.create)
    if (plan.renumber !== undefined) {
      const body = { revision: plan.renumber.to }
      const { metadata } = plan.renumber.revision
      this.#written.wrote(await client.patch(controllerRevisions, metadata, { type: 'merge', body }))
    }
    for (const revision of plan.delete) {
      await this.#written.delete(revision, () => client.delete(controllerRevisions, revision.metadata))
    }
  }

  /** One of the name that nobody controls was left by an object of that name before: it is taken over. */
  async #create(owner: WithHistory, revision: ControllerRevision): Promise<void> {
    const { client } = this.#context
    try {
      this.#written.wrote(await client.create(controllerRevisions, revision))
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      if (!isAlreadyExists(error)) throw error
      const found = await client.find(controllerRevisions, revision.metadata)
      if (found === undefined || controllerUid(found) !== undefined) return
      const body = adoptionPatch(found.metadata, controllerRef(owner))
      this.#written.wrote(await client.patch(controllerRevisions, found.metadata, { type: 'merge', body }))
    }
  }
}

function revisionOf(owner: WithHistory, { hash, hashLabel }: Revisions, revision: number): ControllerRevision {
  const { namespace, annotations } = owner.metadata
  const { template } = owner.spec
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: revisionName(owner, hash),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerRef(owner)],
    },
    // Sorted, as Go writes maps: clients compare it byte by byte with what they make of the object.
    data: JSON.parse(canonicalJson({ spec: { template: { ...template, $patch: 'replace' } } })),
    revision,
  }
}
