import { isFairleadError } from '../../base/error.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../kube/resource.ts'
import type { ClusterRole, PolicyRule } from '../../kube/types/rbac.ts'
import type { StoreEvent } from '../../store/store.ts'
import type { ApiContext } from '../context.ts'
import { decodedObject } from '../decoded.ts'
import { objectPrefix, REGISTRY_PREFIX } from '../object-key.ts'
import { isNotFound, updateObject } from '../object-storage.ts'
import { RbacIndex } from './rbac-index.ts'
import { staleAggregates } from './role-aggregation.ts'

const PREFIX = `${REGISTRY_PREFIX}${roles.group}/`
const KINDS = [roles, roleBindings, clusterRoles, clusterRoleBindings]

/** Keeps an index of roles and bindings up to date from the store's watch, and the rules of aggregated cluster roles. */
export class RbacAuthorizer implements AsyncDisposable {
  readonly #context: ApiContext
  readonly #stop = new AbortController()
  readonly #following: Promise<void>
  #index = new RbacIndex()
  /** By name; the aggregated ones are made of the others. */
  #clusterRoles = new Map<string, ClusterRole>()

  /** Reads what there is at once: the first decision is already right. */
  constructor(context: ApiContext) {
    this.#context = context
    this.#following = this.#follow(this.#load())
  }

  /** The newest state; asked for with every decision, as it is replaced when the watch had to start over. */
  get index(): RbacIndex {
    return this.#index
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#following
  }

  /** @returns The revision that the index shows. */
  #load(): number {
    const { store } = this.#context
    const revision = store.revision()
    this.#index = new RbacIndex()
    this.#clusterRoles = new Map()
    for (const entry of KINDS.flatMap((resource) => store.list(objectPrefix(resource)).entries)) {
      this.#apply(entry.key, decodedObject(entry))
    }
    return revision
  }

  #apply(key: string, object: ReturnType<typeof decodedObject> | undefined): boolean {
    this.#index.apply(key, object)
    const prefix = objectPrefix(clusterRoles)
    if (!key.startsWith(prefix)) return false
    const name = key.slice(prefix.length)
    if (object === undefined) this.#clusterRoles.delete(name)
    else this.#clusterRoles.set(name, object as ClusterRole)
    return true
  }

  async #follow(start: number): Promise<void> {
    const { signal } = this.#stop
    const { store, log } = this.#context
    for (let after = start; !signal.aborted; ) {
      try {
        for await (const events of store.watch(PREFIX, { after, signal })) await this.#take(events)
        return
      } catch (error) {
        if (signal.aborted) return
        const behind = isFairleadError(error, 'STORE_COMPACTED') || isFairleadError(error, 'STORE_WATCH_OVERFLOW')
        log.warn({ err: error }, 'Roles are read anew')
        // What else fails here is the store itself, and it says so to every request.
        if (!behind) return
        after = this.#load()
      }
    }
  }

  async #take(events: readonly StoreEvent[]): Promise<void> {
    let rolesChanged = false
    for (const { key, entry } of events) {
      const isRole = this.#apply(key, entry === undefined ? undefined : decodedObject(entry))
      rolesChanged ||= isRole
    }
    if (!rolesChanged) return
    for (const [name, rules] of staleAggregates(this.#clusterRoles)) await this.#aggregate(name, rules)
  }

  async #aggregate(name: string, rules: readonly PolicyRule[]): Promise<void> {
    const kind = this.#context.kinds.find(clusterRoles.group, clusterRoles.version, clusterRoles.plural)
    if (kind === undefined) return
    try {
      await updateObject(
        this.#context,
        { kind, namespace: undefined, name },
        { part: 'internal', settings: { dryRun: false }, change: (role) => ({ ...role(), rules }) },
      )
    } catch (error) {
      if (!isNotFound(error)) this.#context.log.warn({ err: error, clusterRole: name }, 'Rules were not aggregated')
    }
  }
}
