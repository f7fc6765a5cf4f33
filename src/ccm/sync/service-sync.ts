import { FairleadError } from '../../base/error.ts'
import { isConflict } from '../../kube/api-error.ts'
import type { Service } from '../../kube/types/core.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { runSteps } from '../apply/run-steps.ts'
import { type Task, taskFor } from '../claim.ts'
import { buildGroups, candidatesOf, interfaceCandidates, type ServiceFacts } from '../desired/build-groups.ts'
import type { ServicePlan } from '../desired/service-plan.ts'
import { findGroup, groupKey } from '../diff/group-diff.ts'
import type { Step } from '../diff/step.ts'
import type { SeenBalancer, WantedBalancer } from '../model.ts'
import { defaultInstanceName, HASH_LABEL, INSTANCE_LABEL } from '../names.ts'
import { isVirtual } from '../node-facts.ts'
import type { Reconciler } from '../service-controller.ts'
import { serviceHash } from '../service-hash.ts'
import type { Balancer } from './balancer.ts'
import { attachmentUses, quotaWarning } from './quota-watch.ts'
import { type BuiltModel, type Outcome, report } from './report.ts'
import { requireUsableGroups } from './reuse-checks.ts'
import { ServiceWriter } from './service-writer.ts'
import type { SyncContext } from './sync-context.ts'
import { fingerprintOf, groupsAfter, type Remembered, SyncMemory } from './sync-memory.ts'
import { CONDITION_TYPES, failureCondition, failureText, invalidCondition, invalidText } from './verdict.ts'

/** Tokens that are tried when the cloud answers with instances that are gone. */
const CREATION_TRIES = 5

/**
 * Brings the load balancer of one Service in line with it, or takes it away. Everything is found in the cloud by id,
 * tag or name, so that it can be broken off after any call and begun anew; what is remembered only saves calls.
 */
export class ServiceSync<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer>
  implements Reconciler
{
  readonly #context: SyncContext
  readonly #balancer: Balancer<P, M, O>
  readonly #writer: ServiceWriter
  readonly #memory = new SyncMemory<O>()
  /** By uid: how many answers to creation turned out to be of no use. */
  readonly #lost = new Map<string, number>()
  /** By key. */
  readonly #uids = new Map<string, string>()
  /** Objects of the API never change: the same one asks for the same. */
  readonly #plans = new WeakMap<Service, P>()

  constructor(context: SyncContext, balancer: Balancer<P, M, O>) {
    this.#context = context
    this.#balancer = balancer
    this.#writer = new ServiceWriter(context, balancer.claim.finalizer)
  }

  usesPodsOnly(service: Service): boolean {
    return this.#plan(service).policy === 'eni'
  }

  #plan(service: Service): P {
    const known = this.#plans.get(service)
    if (known !== undefined) return known
    const plan = this.#balancer.plan(service)
    this.#plans.set(service, plan)
    return plan
  }

  /**
   * Reconciles a Service.
   *
   * @throws what failed; it is told in an Event, and to be tried again later.
   */
  async sync(key: string): Promise<void> {
    const { cluster, settings } = this.#context
    const { claim } = this.#balancer
    const seen = cluster.service(key)
    if (seen === undefined) return this.#forget(key)
    const service = this.#writer.latest(seen)
    this.#uids.set(key, service.metadata.uid ?? '')
    const task = taskFor(service, claim)
    if (settings.dryRun) return this.#preview(key, service, task)
    if (task === 'clean up' && (service.metadata.deletionTimestamp !== undefined || !claim.isHidden(service))) {
      return this.#cleanUp(service)
    }
    if (task === 'ensure') await this.#ensure(key, service)
  }

  /** What is known of a Service that is gone, be it that somebody took its finalizer away. */
  #forget(key: string): void {
    this.#writer.forget(key)
    const uid = this.#uids.get(key) ?? ''
    this.#memory.delete(uid)
    this.#lost.delete(uid)
    this.#uids.delete(key)
  }

  /** Logs what would be called, and writes nothing, neither here nor there. */
  async #preview(key: string, service: Service, task: Task): Promise<void> {
    const { log } = this.#context
    const balancer = this.#balancer
    const about = log.child({ object: { kind: 'Service', key } })
    if (task !== 'ensure') return about.info({ task }, 'Dry run: would be done')
    const plan = balancer.plan(service)
    if (plan.problems.length > 0) return about.info({ problems: plan.problems }, 'Dry run: would be refused')
    const { model } = await this.#build(key, plan)
    const instance = await this.#find(service, model)
    if (instance === undefined) return about.info({ model }, 'Dry run: a load balancer would be made')
    const observed = await balancer.read(plan, model, { instance, isNew: false })
    const { steps, refusals } = balancer.diff(plan, model, observed)
    about.info({ instance: instance.id, steps, refusals }, 'Dry run: would be called')
  }

  async #cleanUp(service: Service): Promise<void> {
    const { recorder } = this.#context
    const uid = service.metadata.uid ?? ''
    this.#memory.delete(uid)
    try {
      await this.#balancer.cleanUp(service)
    } catch (error) {
      const text = `Error deleting load balancer [${idOf(service)}]: ${failureText(error)}`
      recorder.event(service, 'Warning', 'CleanLoadBalancerFailed', text)
      throw error
    }
    this.#lost.delete(uid)
    await this.#writer.release(service, CONDITION_TYPES)
    recorder.event(service, 'Normal', 'CleanLoadBalancer', 'Clean load balancer')
  }

  async #ensure(key: string, service: Service): Promise<void> {
    const { settings, recorder } = this.#context
    const plan = this.#plan(service)
    const isPublic = (plan.annotations.instance.addressType ?? 'internet').toLowerCase() === 'internet'
    if (settings.disablePublicSlb && isPublic) {
      const text = 'create public address slb is not allowed'
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', text)
      await this.#writer.writeStatus(service, {
        conditions: [failureCondition(new FairleadError('INVALID_INPUT', text))],
      })
      return
    }
    if (plan.problems.length > 0) {
      const text = `Error syncing load balancer [${idOf(service)}]: ${invalidText(plan.problems)}`
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', text)
      const told = await this.#writer.writeStatus(service, { conditions: [invalidCondition(plan.problems)] })
      // What stood there before goes on: its servers are kept up to date, the rest waits for valid values.
      await this.#syncServersOnly(key, told, plan)
      return
    }
    try {
      await this.#ensureValid(key, service, plan)
    } catch (error) {
      await this.#tellFailure(service, error)
      throw error
    }
  }

  async #tellFailure(service: Service, error: unknown): Promise<void> {
    if (isConflict(error)) return
    const { recorder, log } = this.#context
    const latest = this.#writer.latest(service)
    const uid = service.metadata.uid ?? ''
    const id = this.#memory.get(uid)?.left.instance.id ?? idOf(latest)
    this.#memory.delete(uid)
    recorder.event(
      latest,
      'Warning',
      'SyncLoadBalancerFailed',
      `Error syncing load balancer [${id}]: ${failureText(error)}`,
    )
    await this.#writer
      .writeStatus(latest, { conditions: [failureCondition(error)] })
      .catch((err) => log.warn({ err, object: service.metadata.name }, 'Condition not written'))
  }

  async #build(key: string, plan: P): Promise<BuiltModel<M>> {
    const { cluster, interfaces } = this.#context
    const nodes = cluster.nodes()
    const facts: ServiceFacts = {
      slices: cluster.slices(key),
      nodes,
      pod: (namespace, name) => cluster.pod(namespace, name),
    }
    const candidates = candidatesOf(plan, facts)
    const all = [...candidates.values()].flatMap((found) => found.candidates)
    const onInterfaces = interfaceCandidates(plan, all, ({ nodeName }) => {
      const node = nodes.get(nodeName ?? '')
      return node !== undefined && isVirtual(node)
    })
    const interfaceOf = await interfaces.resolve(onInterfaces)
    const built = buildGroups(plan, facts, { candidates, interfaceOf })
    const model = this.#balancer.model(plan, built.groups)
    return { ...built, groups: model.groups, model }
  }

  /** The servers of a Service whose annotations cannot be used now. */
  async #syncServersOnly(key: string, service: Service, plan: P): Promise<void> {
    const memory = this.#memory.get(service.metadata.uid ?? '')
    if (memory === undefined) return
    const built = await this.#build(key, plan)
    const { left } = memory
    const known = new Map(left.groups.map((group) => [group.name, group]))
    const groups = built.groups.flatMap(({ name, id, backends, isIncomplete }) => {
      const { type, settings } = known.get(name) ?? {}
      if (id !== undefined || !known.has(name)) return []
      // Whatever else the group is asked for waits too.
      const rest = { ...(type === undefined ? {} : { type }), ...(settings === undefined ? {} : { settings }) }
      return [{ name, backends, isIncomplete, ...rest }]
    })
    const model: M = { ...built.model, groups }
    await this.#apply(model, left, this.#balancer.diffServers(plan, model, left))
    const after = groupsAfter(model, left.groups, new Map())
    const rest = left.groups.filter(({ id }) => !after.some((group) => group.id === id))
    this.#memory.set(service.metadata.uid ?? '', { ...memory, left: { ...left, groups: [...after, ...rest] } })
  }

  async #ensureValid(key: string, service: Service, plan: P): Promise<void> {
    const claimed = await this.#writer.addFinalizer(service)
    const built = await this.#build(key, plan)
    const memory = this.#trusted(claimed, built.model)
    const outcome =
      memory === undefined
        ? await this.#syncAll(claimed, plan, built.model)
        : await this.#syncServers(claimed, plan, { model: built.model, memory })
    const result = { built, ...outcome, isFresh: memory === undefined }
    await report(claimed, plan, { balancer: this.#balancer, result, context: this.#context, writer: this.#writer })
  }

  /** What is remembered, as long as it stands for what the Service asks for, and is not too old. */
  #trusted(service: Service, model: M): Remembered<O> | undefined {
    const { settings, clock } = this.#context
    const memory = this.#memory.get(service.metadata.uid ?? '')
    if (memory === undefined || memory.fingerprint !== fingerprintOf(model, serviceHash(service))) return undefined
    const isOld = clock.now() - memory.readAt >= settings.driftPeriodMs
    return isOld && !settings.model.compat ? undefined : memory
  }

  async #syncServers(
    service: Service,
    plan: P,
    { model, memory }: { readonly model: M; readonly memory: Remembered<O> },
  ): Promise<Outcome<O>> {
    const { left } = memory
    const steps = this.#balancer.diffServers(plan, model, left)
    if (steps.length === 0) return { left, changed: false, refusals: [] }
    const ids = await this.#apply(model, left, steps)
    const after = { ...left, groups: groupsAfter(model, left.groups, ids) }
    this.#memory.set(service.metadata.uid ?? '', { ...memory, left: after })
    return { left: after, changed: true, refusals: [] }
  }

  async #syncAll(service: Service, plan: P, model: M): Promise<Outcome<O>> {
    const { settings, clock } = this.#context
    const balancer = this.#balancer
    const found = await this.#find(service, model)
    if (found !== undefined && model.reuse !== undefined) balancer.requireReusable({ ...plan, service }, found)
    const instance = found ?? (await this.#create(service, model))
    const seen = await balancer.read(plan, model, { instance, isNew: found === undefined })
    requireUsableGroups(model, seen)
    this.#warn(plan, model, seen)
    const onlyServers = settings.model.compat && service.metadata.labels?.[HASH_LABEL] === serviceHash(service)
    if (!onlyServers) await balancer.requireUsable(model, seen)
    const observed = onlyServers ? seen : await balancer.prepare(plan, model, seen)
    const { steps, refusals } = onlyServers
      ? { steps: balancer.diffServers(plan, model, observed), refusals: [] }
      : balancer.diff(plan, model, observed)
    try {
      const ids = await this.#apply(model, observed, steps)
      const left = { ...observed, groups: groupsAfter(model, observed.groups, ids) }
      const fingerprint = fingerprintOf(model, serviceHash(service))
      if (refusals.length === 0) {
        this.#memory.set(service.metadata.uid ?? '', { fingerprint, left, readAt: clock.now() })
      }
      return { left, changed: found === undefined || observed !== seen || steps.length > 0, refusals }
    } catch (error) {
      if (found === undefined && isInstanceGone(error)) this.#countLost(service)
      throw error
    }
  }

  async #find(service: Service, model: M): Promise<O['instance'] | undefined> {
    const { settings } = this.#context
    const found = await this.#balancer.find(service, model)
    if (found !== undefined) return found
    const { reuse } = model
    if (reuse !== undefined)
      throw new FairleadError(
        'CLOUD_REFUSED',
        `can not find loadbalancer ${reuse.id} of the annotation loadbalancer-id`,
      )
    const shown = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')
    if (shown.length > 0) {
      throw new FairleadError(
        'CLOUD_REFUSED',
        `alicloud: can not find loadbalancer, but it's defined in service [${shown.join(',')}] this may happen when you delete the loadbalancer`,
        { hint: 'Clear status.loadBalancer of the Service, and it gets a new load balancer' },
      )
    }
    if (settings.model.compat && service.metadata.labels?.[HASH_LABEL] === serviceHash(service)) {
      throw new FairleadError(
        'CLOUD_REFUSED',
        `can not find loadbalancer by tag [kubernetes.do.not.delete:${defaultInstanceName(service)}]`,
      )
    }
    return undefined
  }

  /** A token that was used before is answered with what was made then, be it gone: another is taken. */
  async #create(service: Service, model: M): Promise<O['instance']> {
    const { uid = '', name, labels } = service.metadata
    this.#context.log.info({ object: { kind: 'Service', name } }, 'Load balancer is made')
    for (let tries = 1; ; tries++) {
      const tokenSeed = JSON.stringify([uid, labels?.[INSTANCE_LABEL] ?? '', this.#lost.get(uid) ?? 0])
      try {
        return await this.#balancer.create(service, model, tokenSeed)
      } catch (error) {
        if (!isInstanceGone(error)) throw error
        this.#countLost(service)
        if (tries === CREATION_TRIES) throw error
      }
    }
  }

  /** The next try must not be answered with the instance that is gone. */
  #countLost({ metadata: { uid = '' } }: Service): void {
    this.#lost.set(uid, (this.#lost.get(uid) ?? 0) + 1)
  }

  /** @throws what failed first */
  async #apply(model: M, observed: O, steps: readonly Step[]): Promise<ReadonlyMap<string, string>> {
    const { api, log } = this.#context
    const known = model.groups.flatMap((group) => {
      const there = findGroup(group, observed.groups)
      return there === undefined ? [] : [[groupKey(group), there.id] as const]
    })
    const { product } = this.#balancer
    const { failures, groupIds } = await runSteps(steps, { api, log, product, groupIds: new Map(known) })
    if (failures.length > 0) throw failures[0]
    return groupIds
  }

  #warn(plan: P, model: M, observed: O): void {
    const { settings, recorder } = this.#context
    const warnings = [
      ...this.#balancer.warnings(plan, model, observed),
      ...attachmentUses(this.#attachments(model), settings.limits).map(quotaWarning),
    ]
    for (const { reason, text } of warnings) recorder.event(plan.service, 'Warning', reason, text)
  }

  /** How often each of the model's nodes is attached, by all Services. */
  #attachments(model: M): ReadonlyMap<string, number> {
    const mine = new Set(
      model.groups
        .flatMap(({ backends }) => backends)
        .flatMap(({ type, serverId }) => (type === 'ecs' ? serverId : [])),
    )
    return new Map([...mine].map((serverId) => [serverId, this.#memory.attachments(serverId)]))
  }
}

function idOf({ metadata }: Service): string {
  return metadata.labels?.[INSTANCE_LABEL] ?? ''
}
