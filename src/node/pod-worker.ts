import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { allContainerStatuses, allContainers } from '../kube/all-containers.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import { ContainerMemory } from './container-memory.ts'
import { isInit, isSidecar } from './container-restart.ts'
import type { ContainerStarter, StartResult } from './container-starter.ts'
import { runHook } from './hooks/run-hook.ts'
import { rejection } from './pod-admission.ts'
import type { PodApi } from './pod-api.ts'
import { graceSeconds } from './pod-end.ts'
import type { PodEvents } from './pod-events.ts'
import type { PodAction } from './pod-plan.ts'
import { isFinishedElsewhere } from './pod-progress.ts'
import type { PodSandbox, PodSandboxes } from './pod-sandbox.ts'
import { podStatus } from './pod-status.ts'
import { planPod } from './pod-sync.ts'
import { type ContainerProblem, isLive, type PodFailure, type PodView } from './pod-view.ts'
import { ContainerProbes } from './probes/container-probes.ts'
import { retryDelay } from './restart-delay.ts'
import type { ContainerKey, Runtime } from './runtime/runtime.ts'
import { StatusWriter } from './status-writer.ts'
import { hasChangingVolumes } from './volumes/pod-volumes.ts'
import { isBounded, overuse } from './volumes/volume-usage.ts'

/** What all workers of a node share. */
export interface PodWorkerSurroundings {
  readonly runtime: Runtime
  readonly sandboxes: Pick<
    PodSandboxes,
    'find' | 'prepare' | 'create' | 'resolverProblems' | 'remove' | 'removeNetwork'
  >
  readonly starter: Pick<ContainerStarter, 'start' | 'prepare'>
  readonly api: PodApi
  readonly events: PodEvents
  readonly hostIPs: readonly string[]
  readonly clock: Clock
  readonly log: Log
  /** Where a pod's own volumes are. */
  volumesOf(pod: Pod): string
  /** The pod has left the node. */
  onGone(uid: string): void
}

/** The longest that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Leads one pod through its life on this node: looks at what is true, decides (`pod-sync.ts`), acts, and writes down
 * what has become of it (`pod-status.ts`); again after every change. One step at a time.
 */
export class PodWorker implements AsyncDisposable {
  readonly #around: PodWorkerSurroundings
  readonly #uid: string
  readonly #containers: readonly ContainerMemory[]
  readonly #status: StatusWriter
  #pod: Pod
  #sandbox: PodSandbox | undefined
  #sandboxProblem: ContainerProblem | undefined
  #sandboxFailures = 0
  #ending: PodView['ending']
  #failed: PodFailure | undefined
  #running: Promise<void> | undefined
  #changed = false
  #disposed = false
  #gone = false
  readonly #stop = new AbortController()
  #cancelWake: () => void = () => {}

  constructor(pod: Pod, around: PodWorkerSurroundings) {
    this.#pod = pod
    this.#around = around
    this.#uid = pod.metadata.uid ?? ''
    this.#status = new StatusWriter(around.api, around.log)
    this.#sandbox = around.sandboxes.find(this.#uid)
    this.#containers = allContainers(pod.spec).map((container) => new ContainerMemory(pod, container))
    this.#noteDeletion()
    this.#admit()
    this.poke()
  }

  /** A pod that the node does not take on has failed before anything of it is made. */
  #admit(): void {
    const known = this.#sandbox !== undefined || this.#pod.status?.startTime !== undefined
    const refused = known ? undefined : rejection(this.#pod)
    if (refused !== undefined) this.#fail(refused)
  }

  /** The pod's object has changed. */
  update(pod: Pod): void {
    const described = isSame(pod.metadata.labels, this.#pod.metadata.labels)
    const annotated = isSame(pod.metadata.annotations, this.#pod.metadata.annotations)
    this.#pod = pod
    if (!described || !annotated) void this.refreshVolumes()
    this.#noteDeletion()
    this.poke()
  }

  /** The pod's object is gone: whatever is left of it ends. */
  vanish(): void {
    this.#ending = { since: this.#around.clock.now(), vanished: true }
    this.poke()
  }

  /** Brings the files of the pod's volumes up to date. */
  async refreshVolumes(): Promise<void> {
    const sandbox = this.#sandbox
    if (sandbox === undefined || !this.isLive || this.#ending !== undefined || !hasChangingVolumes(this.#pod)) return
    const result = await this.#around.starter.prepare({ pod: this.#pod, sandbox })
    if (result.kind === 'ready' || this.#disposed || this.#gone) return
    this.#around.log.debug({ object: this.#object(), message: result.message }, 'Volumes not brought up to date')
  }

  /** Evicts the pod when it has written more than it may. */
  async checkUsage(): Promise<void> {
    if (!isBounded(this.#pod) || !this.isLive || this.#ending !== undefined || this.#failed !== undefined) return
    const failure = await overuse(this.#pod, this.#around.volumesOf(this.#pod))
    if (failure === undefined || this.#disposed || this.#gone || this.#ending !== undefined) return
    this.#fail(failure)
    this.poke()
  }

  /** Something may have changed. */
  poke(): void {
    this.#changed = true
    if (!this.#disposed && !this.#gone) this.#running ??= this.#run()
  }

  /** Stops watching over the pod; its containers go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#stop.abort()
    this.#cancelWake()
    for (const memory of this.#containers) {
      memory.endProbes()
      memory.hooks.abort()
    }
    await this.#running
  }

  #noteDeletion(): void {
    if (this.#pod.metadata.deletionTimestamp === undefined || this.#ending !== undefined) return
    this.#ending = { since: this.#around.clock.now(), vanished: false }
    for (const { probes } of this.#containers) probes?.stopRestarts()
  }

  async #run(): Promise<void> {
    // Several changes of one moment are one step.
    await Promise.resolve()
    while (this.#changed && !this.#disposed && !this.#gone) {
      this.#changed = false
      try {
        await this.#step()
      } catch (error) {
        if (this.#disposed) break
        this.#around.log.error({ err: error, object: this.#object() }, 'Pod not synchronised, trying again')
        this.#wakeAt(this.#around.clock.now() + retryDelay(1))
      }
    }
    this.#running = undefined
  }

  async #step(): Promise<void> {
    const { clock } = this.#around
    this.#cancelWake()
    this.#observe()
    const plan = planPod(this.#pod, this.#view(), clock.now())
    // The sandbox is made within this very moment: the first status has the pod's address.
    if (!plan.actions.some(({ kind }) => kind === 'create-sandbox')) this.#publish()
    // Independent of one another: containers of one pod start together.
    await Promise.all(plan.actions.map((action) => this.#act(action)))
    if (plan.wakeAt !== undefined) this.#wakeAt(plan.wakeAt)
  }

  #wakeAt(time: number): void {
    this.#cancelWake()
    this.#cancelWake = this.#around.clock.after(Math.max(1, time - this.#around.clock.now()), () => this.poke())
  }

  #observe(): void {
    const { runtime } = this.#around
    const runs = runtime.containers(this.#uid)
    for (const memory of this.#containers) {
      const before = memory.run?.state.kind
      memory.observe(runs.filter(({ name }) => name === memory.container.name))
      this.#onTransition(memory, before)
      for (const run of memory.outdated) void runtime.remove(run)
    }
  }

  #onTransition(memory: ContainerMemory, before: string | undefined): void {
    const { run, container } = memory
    const { events } = this.#around
    if (run?.state.kind === 'running' && memory.probes === undefined) {
      memory.probes = this.#startProbes(memory, run.state.startedAt, run)
      if (this.#ending !== undefined) memory.probes.stopRestarts()
      if (before === 'starting') {
        events.started(this.#pod, container.name)
        void this.#runPostStart(memory, run)
      }
    }
    if (run?.state.kind !== 'exited' || before === undefined || before === 'exited') return
    if (run.state.reason === 'StartError') events.failed(this.#pod, container.name, run.state.message ?? '')
    if (memory.view().crashes > 1) events.crashed(this.#pod, container.name)
  }

  #view(): PodView {
    const { startTime } = this.#status.latest ?? this.#pod.status ?? {}
    return {
      ...(this.#sandbox === undefined ? {} : { sandbox: this.#sandbox }),
      ...(this.#sandboxProblem === undefined ? {} : { sandboxProblem: this.#sandboxProblem }),
      ...(this.#ending === undefined ? {} : { ending: this.#ending }),
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
      ...(startTime === undefined ? {} : { startTime: Date.parse(startTime) }),
      containers: new Map(this.#containers.map((memory) => [memory.container.name, memory.view()])),
    }
  }

  #publish(options: { readonly lasting?: boolean } = {}): void {
    if (this.#ending?.vanished === true || isFinishedElsewhere(this.#pod, this.#view())) return
    const { clock, hostIPs } = this.#around
    const previous = this.#status.latest ?? this.#pod.status
    const status = podStatus(this.#pod, this.#view(), { hostIPs, now: clock.now(), previous })
    this.#status.write(this.#pod, status, options)
  }

  async #act(action: PodAction): Promise<void> {
    switch (action.kind) {
      case 'create-sandbox':
        return this.#createSandbox()
      case 'start':
        return this.#start(action.container, action.attempt)
      case 'terminate':
        return this.#terminate(action)
      case 'signal':
        return this.#signal(action.container)
      case 'kill':
        return this.#kill(action.container)
      case 'fail':
        return this.#fail(action)
      case 'remove-sandbox':
        this.#around.sandboxes.removeNetwork(this.#uid)
        this.#sandbox = undefined
        return this.#publish()
      case 'remove-pod':
        return this.#remove()
      default:
        return action satisfies never
    }
  }

  async #createSandbox(): Promise<void> {
    const { sandboxes, events, clock } = this.#around
    try {
      // Where nothing is to be waited for, all is done within this very moment.
      const coming = sandboxes.prepare(this.#pod, this.#stop.signal)
      if (coming !== undefined) await coming
      this.#sandbox = sandboxes.create(this.#pod)
      this.#sandboxProblem = undefined
      for (const problem of sandboxes.resolverProblems(this.#pod)) events.resolverProblem(this.#pod, problem)
    } catch (error) {
      if (this.#disposed) return
      const message = errorMessage(error)
      const retryAt = clock.now() + Math.min(1000 * 2 ** this.#sandboxFailures++, 60_000)
      this.#sandboxProblem = { reason: 'ContainerCreating', message, retryAt }
      events.sandboxFailed(this.#pod, message)
    }
    this.#changed = true
  }

  async #start(container: Container, attempt: number): Promise<void> {
    const memory = this.#memory(container.name)
    const sandbox = this.#sandbox
    if (memory === undefined || sandbox === undefined) return
    const { starter, events } = this.#around
    const place = { pod: this.#pod, sandbox, container, attempt: Math.max(attempt, this.#lostRuns(container.name)) }
    const result = await starter.start(place)
    if (result.kind === 'started') {
      memory.started()
      memory.image = result.image
      events.pulled(this.#pod, container.name, container.image)
      events.created(this.#pod, container.name, result.image)
      for (const limit of result.unenforced) events.limitNotEnforced(this.#pod, container.name, limit)
    } else {
      this.#onRefusal(memory, result)
    }
    this.#changed = true
  }

  #onRefusal(memory: ContainerMemory, result: Exclude<StartResult, { kind: 'started' }>): void {
    const { events, clock } = this.#around
    const { name, image } = memory.container
    const now = clock.now()
    if (result.kind === 'no-volumes') {
      if (memory.wait(result.message, now)) events.volumesFailed(this.#pod, result.message)
    } else if (result.kind === 'refused') {
      memory.fail(result.reason, result.message, now)
      events.failed(this.#pod, name, result.message)
    } else if (result.invalid) {
      memory.fail('InvalidImageName', result.message, now)
      events.invalidImage(this.#pod, name, result.message)
    } else {
      memory.fail('ErrImagePull', result.message, now)
      // Both are shown, the failure and then the wait, as upstream's two steps do.
      this.#publish({ lasting: true })
      memory.problem = { ...backOffPulling(image, result.message), retryAt: memory.problem?.retryAt ?? now }
      events.imageMissing(this.#pod, name, image, result.message)
    }
  }

  /** Restarts that the API knows of and this machine has forgotten; a run of a number that was used would hide them. */
  #lostRuns(name: string): number {
    const status = allContainerStatuses(this.#pod).find((one) => one.name === name)
    return status?.containerID === undefined ? 0 : status.restartCount + 1
  }

  #terminate({ container: name, reason, graceMs }: PodAction & { readonly kind: 'terminate' }): void {
    const memory = this.#memory(name)
    if (memory?.run === undefined) return
    const { clock, events } = this.#around
    const preStop = graceMs > 0 ? memory.container.lifecycle?.preStop : undefined
    memory.stopping = { since: clock.now(), ...(preStop === undefined ? {} : { hook: 'running' }) }
    memory.probes?.stopRestarts()
    const why = reason === 'unhealthy' ? memory.probes?.unhealthy?.kind : reason
    events.stopping(this.#pod, name, why === 'stopped' ? undefined : why)
    if (preStop !== undefined) void this.#runPreStop(memory, memory.run, graceMs)
    this.#changed = true
  }

  #signal(name: string): void {
    const memory = this.#memory(name)
    if (memory?.run === undefined || memory.stopping === undefined) return
    memory.hooks.abort()
    const { since } = memory.stopping
    memory.stopping = { since, signalledAt: this.#around.clock.now() }
    this.#around.runtime.stop(memory.run)
    this.#changed = true
  }

  #fail(failure: PodFailure): void {
    const { reason, message } = failure
    this.#failed = failure
    this.#around.events.gaveUp(this.#pod, reason, message)
    this.#changed = true
  }

  /** The container shows as running when the hook is done; it ends when the hook fails. */
  async #runPostStart(memory: ContainerMemory, run: ContainerKey): Promise<void> {
    const hook = memory.container.lifecycle?.postStart
    if (hook === undefined) return
    memory.postStart = 'running'
    const limits = { timeoutMs: LONGEST_MS, signal: memory.hooks.begin() }
    const outcome = await runHook(hook, this.#placeOf(memory, run), limits)
    if (limits.signal.aborted || memory.run?.attempt !== run.attempt) return
    memory.postStart = outcome.kind === 'failed' ? 'failed' : undefined
    if (outcome.kind === 'failed') this.#onHookFailure(memory, 'PostStart', outcome.message)
    this.poke()
  }

  async #runPreStop(memory: ContainerMemory, run: ContainerKey, timeoutMs: number): Promise<void> {
    const hook = memory.container.lifecycle?.preStop
    if (hook === undefined) return
    const limits = { timeoutMs, signal: memory.hooks.begin() }
    const outcome = await runHook(hook, this.#placeOf(memory, run), limits)
    if (limits.signal.aborted || memory.stopping === undefined) return
    if (outcome.kind === 'failed') this.#onHookFailure(memory, 'PreStop', outcome.message)
    const { since } = memory.stopping
    memory.stopping = { since }
    this.poke()
  }

  #onHookFailure({ container }: ContainerMemory, hook: 'PostStart' | 'PreStop', message: string): void {
    const { events, log } = this.#around
    events.hookFailed(this.#pod, container.name, hook)
    log.info({ object: this.#object(), container: container.name, hook, message }, 'A hook failed')
  }

  /** Where a container is asked and told things. */
  #placeOf({ container }: ContainerMemory, run: ContainerKey) {
    const { clock, runtime } = this.#around
    const exec = (command: readonly string[], timeoutMs: number) => runtime.exec(run, command, { timeoutMs })
    return { container, podIP: this.#sandbox?.addresses[0] ?? '127.0.0.1', clock, exec }
  }

  #kill(name: string): void {
    const run = this.#memory(name)?.run
    if (run === undefined) return
    this.#around.runtime.kill(run)
    // Its end is a change; should the signal have come too early, it is sent again.
    this.#wakeAt(this.#around.clock.now() + 500)
  }

  async #remove(): Promise<void> {
    const { runtime, sandboxes, api, onGone } = this.#around
    await this.#status.flush()
    await runtime.removePod(this.#uid)
    await sandboxes.remove(this.#uid)
    if (this.#ending?.vanished !== true) await api.finish(this.#pod)
    this.#gone = true
    onGone(this.#uid)
  }

  #startProbes(memory: ContainerMemory, startedAt: number, key: ContainerKey): ContainerProbes {
    const { events } = this.#around
    const { container } = memory
    const earlier = allContainerStatuses(this.#pod).find(
      ({ containerID }) => containerID === `runc://${memory.run?.id}`,
    )
    return new ContainerProbes({
      ...this.#placeOf(memory, key),
      // Init containers have none, unless they are sidecars.
      container: isInit(this.#pod, container) && !isSidecar(this.#pod, container) ? unprobed(container) : container,
      startedAt,
      graceSeconds: graceSeconds(this.#pod),
      ...(earlier === undefined ? {} : { earlier: { started: earlier.started ?? false, ready: earlier.ready } }),
      onChange: () => this.poke(),
      onFailure: (kind, message) => events.unhealthy(this.#pod, container.name, kind, message),
      onNotice: (kind, notice) => events.probeNotice(this.#pod, container.name, kind, notice),
    })
  }

  #memory(name: string): ContainerMemory | undefined {
    return this.#containers.find(({ container }) => container.name === name)
  }

  #object() {
    const { namespace, name } = this.#pod.metadata
    return { kind: 'Pod', namespace, name }
  }

  /** Whether any container of the pod has a process. */
  get isLive(): boolean {
    return this.#containers.some(({ run }) => isLive(run))
  }
}

function isSame(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  return isDeepStrictEqual(a, b)
}

function unprobed({ livenessProbe: _, readinessProbe: __, startupProbe: ___, ...rest }: Container): Container {
  return rest
}

function backOffPulling(image: string, message: string): { reason: string; message: string } {
  return { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": ${message}` }
}
