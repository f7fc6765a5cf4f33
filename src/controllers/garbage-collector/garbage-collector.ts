import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { apiVersionOf, type Resource } from '../../kube/resource.ts'
import type { KubeObject, OwnerReference } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { releasePatch } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import type { ServedResources } from '../custom-resources/served-resources.ts'
import { type Decision, decideByOwners, decideDeleting, type OwnerState } from './decide.ts'
import { FOREGROUND, type GraphNode, isForeign, isWaiting, ORPHAN, OwnershipGraph, toNode } from './graph.ts'

/** As upstream's `--concurrent-gc-syncs`. */
const GC_WORKERS = 20

/**
 * Deletes objects whose owners are gone, and carries out foreground deletion and orphaning. It watches every kind; the
 * graph says what to look at, the API itself what to do.
 */
export class GarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #graph = new OwnershipGraph()
  readonly #resources = new Map<string, Resource<KubeObject>>()
  /** Uids. */
  readonly #queue: WorkQueue

  /** @param served The kinds watched; Events are left out, being many and owned by nobody. */
  constructor(context: ControllerContext, served: ServedResources) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    served.on((versions) => this.#watch(versions))
  }

  /** @param versions One kind in its versions: owners may be named by any, one is watched. @returns Forgets the kind. */
  #watch(versions: readonly Resource<KubeObject>[]): () => void {
    const [resource] = versions
    if (resource === undefined || resource.kind === 'Event') return () => {}
    for (const each of versions) this.#resources.set(kindKey(apiVersionOf(each), each.kind), each)
    const informer = this.#context.informers.for(resource)
    const stop = informer.on({
      added: (object) => this.#add(this.#graph.upsert(object)),
      updated: (object) => this.#add(this.#graph.upsert(object)),
      deleted: (object) => this.#add(this.#graph.remove(object.metadata.uid ?? '')),
    })
    return () => {
      stop()
      for (const { metadata } of informer.list()) this.#add(this.#graph.remove(metadata.uid ?? ''))
    }
  }

  #add(uids: readonly string[]): void {
    for (const uid of uids) this.#queue.add(uid)
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (uid: string) => this.#reconcile(uid)
    await runWorkers({ queue: this.#queue, workers: GC_WORKERS, reconcile, log: this.#context.log, signal })
  }

  async #reconcile(uid: string): Promise<void> {
    const known = this.#graph.get(uid)
    const resource = known === undefined ? undefined : this.#resources.get(kindKey(known.apiVersion, known.kind))
    if (known === undefined || resource === undefined) return
    // Nothing of what the graph knows calls for a question to the API: the usual case when all lists have come in.
    if (known.deleting ? !hasOurFinalizer(known) : known.owners.every((owner) => this.#isSolid(known, owner))) return
    const live = await this.#context.client.find(resource, placeOf(known))
    if (live?.metadata.uid !== uid) return
    try {
      await this.#carryOut(resource, live, await this.#decide(toNode(live)))
    } catch (error) {
      if (isNotFound(error)) return
      throw error
    }
  }

  async #decide(node: GraphNode): Promise<Decision> {
    const dependents = this.#graph.dependentsOf(node.uid)
    if (node.deleting) return decideDeleting(node, dependents)
    const owners = await Promise.all(
      node.owners.map(async (reference) => ({ reference, state: await this.#stateOf(node, reference) })),
    )
    return decideByOwners(node, owners, dependents)
  }

  #isSolid(node: GraphNode, reference: OwnerReference): boolean {
    const owner = this.#graph.get(reference.uid)
    return owner !== undefined && !isWaiting(owner) && !isForeign(node, owner)
  }

  /** People should hear of it before the object goes. */
  #tellForeign(node: GraphNode, { apiVersion, kind, name, uid }: OwnerReference): void {
    const place = `namespace: ${node.namespace ?? ''}, name: ${name}, uid: ${uid}`
    const message = `ownerRef [${apiVersion}/${kind}, ${place}] does not exist in namespace "${node.namespace ?? ''}"`
    const object = {
      apiVersion: node.apiVersion,
      kind: node.kind,
      ...(node.namespace === undefined ? {} : { namespace: node.namespace }),
      name: node.name,
      uid: node.uid,
    }
    this.#context.recorder.event(object, 'Warning', 'OwnerRefInvalidNamespace', message)
  }

  /** Whether an owner is there. The graph may be behind, or not know the kind: the API has the last word. */
  async #stateOf(node: GraphNode, owner: OwnerReference): Promise<OwnerState> {
    const known = this.#graph.get(owner.uid)
    if (known !== undefined && isForeign(node, known)) this.#tellForeign(node, owner)
    else if (known !== undefined) return isWaiting(known) ? 'waiting' : 'solid'
    const resource = this.#resources.get(kindKey(owner.apiVersion, owner.kind))
    if (resource === undefined) return 'solid'
    if (resource.namespaced && node.namespace === undefined) return 'solid'
    const namespace = resource.namespaced && node.namespace !== undefined ? { namespace: node.namespace } : {}
    const live = await this.#context.client.find(resource, { ...namespace, name: owner.name })
    if (live?.metadata.uid !== owner.uid) return 'absent'
    return isWaiting(toNode(live)) ? 'waiting' : 'solid'
  }

  async #carryOut(resource: Resource<KubeObject>, live: KubeObject, decision: Decision): Promise<void> {
    const { client } = this.#context
    const { uid = '', resourceVersion = '' } = live.metadata
    switch (decision.type) {
      case 'keep':
        return
      case 'disown':
        await client.patch(resource, live.metadata, { type: 'merge', body: releasePatch(live.metadata, decision.uids) })
        return
      case 'delete': {
        const version = decision.unblock === true ? await this.#unblock(resource, live) : resourceVersion
        const preconditions = { uid, resourceVersion: version }
        await client.delete(resource, live.metadata, { propagationPolicy: decision.propagationPolicy, preconditions })
        return
      }
      case 'delete-dependents':
        for (const dependent of decision.dependents) this.#queue.add(dependent.uid)
        return
      case 'orphan-dependents':
        await Promise.all(decision.dependents.map((dependent) => this.#orphan(dependent, uid)))
        await this.#finish(resource, live, 'orphan')
        return
      case 'finish':
        await this.#finish(resource, live, decision.finalizer)
        return
      default:
        return decision satisfies never
    }
  }

  /** Owners wait for it no longer. @returns its version after that. */
  async #unblock(resource: Resource<KubeObject>, { metadata }: KubeObject): Promise<string> {
    const { uid, resourceVersion } = metadata
    const ownerReferences = (metadata.ownerReferences ?? []).map((owner) => ({ ...owner, blockOwnerDeletion: false }))
    const body = { metadata: { uid, resourceVersion, ownerReferences } }
    const { metadata: now } = await this.#context.client.patch(resource, metadata, { type: 'merge', body })
    return now.resourceVersion ?? ''
  }

  async #orphan(dependent: GraphNode, ownerUid: string): Promise<void> {
    const { client } = this.#context
    const resource = this.#resources.get(kindKey(dependent.apiVersion, dependent.kind))
    const live = resource === undefined ? undefined : await client.find(resource, placeOf(dependent))
    if (resource === undefined || live?.metadata.uid !== dependent.uid) return
    if (!live.metadata.ownerReferences?.some((owner) => owner.uid === ownerUid)) return
    await client.patch(resource, live.metadata, { type: 'merge', body: releasePatch(live.metadata, [ownerUid]) })
  }

  /** Takes a finalizer off; the object goes when it was the last one. */
  async #finish(resource: Resource<KubeObject>, live: KubeObject, finalizer: string): Promise<void> {
    const { uid, resourceVersion, finalizers = [] } = live.metadata
    const rest = finalizers.filter((name) => name !== finalizer)
    const body = { metadata: { uid, resourceVersion, finalizers: rest.length === 0 ? null : rest } }
    try {
      await this.#context.client.patch(resource, live.metadata, { type: 'merge', body })
    } catch (error) {
      if (isConflict(error)) this.#queue.addRateLimited(uid ?? '')
      else throw error
    }
  }
}

function hasOurFinalizer(node: GraphNode): boolean {
  return node.finalizers.includes(FOREGROUND) || node.finalizers.includes(ORPHAN)
}

function kindKey(apiVersion: string, kind: string): string {
  return `${apiVersion}/${kind}`
}

function placeOf({ namespace, name }: GraphNode): { readonly namespace?: string; readonly name: string } {
  return namespace === undefined ? { name } : { namespace, name }
}
