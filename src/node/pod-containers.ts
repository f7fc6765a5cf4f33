import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { allContainerStatuses, allContainers } from '../kube/all-containers.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import { ContainerMemory } from './container-memory.ts'
import { resourceLimits } from './container-resources.ts'
import { isInit, isSidecar } from './container-restart.ts'
import type { ContainerStarter, StartResult } from './container-starter.ts'
import { runPostStart, runPreStop } from './hooks/container-hooks.ts'
import type { HookOutcome, HookPlace } from './hooks/run-hook.ts'
import { graceSeconds } from './pod-end.ts'
import type { PodEvents } from './pod-events.ts'
import type { PodAction } from './pod-plan.ts'
import type { PodSandbox } from './pod-sandbox.ts'
import { type ContainerView, isLive, type PodView } from './pod-view.ts'
import { ContainerProbes } from './probes/container-probes.ts'
import { resizableContainers, sameResources } from './resize/allocation.ts'
import type { ContainerKey, Runtime } from './runtime/runtime.ts'

/** What a pod's worker knows of it now. */
export interface PodState {
  readonly pod: Pod
  readonly sandbox: PodSandbox | undefined
  readonly ending: PodView['ending']
}

export interface PodContainersOptions {
  readonly runtime: Runtime
  readonly starter: Pick<ContainerStarter, 'start'>
  readonly events: PodEvents
  readonly clock: Clock
  readonly log: Log
  /** Of this moment: the worker changes it. */
  readonly state: PodState
  /** Something of a container has changed. */
  onChange(): void
  /** A container's state is to be seen, although the next follows at once. */
  show(): void
  /** A container was not given what it was allotted. */
  onResizeFailure(message: string): void
}

/** The containers of one pod on this node: their runs, probes and hooks. What is to happen to them, the worker says. */
export class PodContainers {
  readonly #options: PodContainersOptions
  readonly #all: ContainerMemory[]

  constructor(options: PodContainersOptions) {
    this.#options = options
    const { pod } = options.state
    this.#all = allContainers(pod.spec).map((container) => new ContainerMemory(pod, container))
  }

  /** Takes on what was added to the pod. */
  update(): void {
    const { pod } = this.#options.state
    const added = allContainers(pod.spec).filter(({ name }) => this.#memory(name) === undefined)
    this.#all.push(...added.map((container) => new ContainerMemory(pod, container)))
  }

  /** Whether any of them has a process. */
  get isLive(): boolean {
    return this.#all.some(({ run }) => isLive(run))
  }

  views(): ReadonlyMap<string, ContainerView> {
    return new Map(this.#all.map((memory) => [memory.container.name, memory.view()]))
  }

  /** Takes in what the runtime knows now. */
  observe(): void {
    const { runtime, state } = this.#options
    const runs = runtime.containers(state.pod.metadata.uid ?? '')
    for (const memory of this.#all) {
      const before = memory.run?.state.kind
      memory.observe(runs.filter(({ name }) => name === memory.container.name))
      this.#onTransition(memory, before)
      for (const run of memory.outdated) void runtime.remove(run)
    }
  }

  #onTransition(memory: ContainerMemory, before: string | undefined): void {
    const { run, container } = memory
    const { events, state } = this.#options
    if (run?.state.kind === 'running' && memory.probes === undefined) {
      memory.probes = this.#startProbes(memory, run.state.startedAt, run)
      if (state.ending !== undefined) memory.probes.stopRestarts()
      if (before === 'starting') {
        events.started(state.pod, container.name)
        void this.#postStart(memory, run)
      }
    }
    if (run?.state.kind !== 'exited' || before === undefined || before === 'exited') return
    if (run.state.reason === 'StartError') events.failed(state.pod, container.name, run.state.message ?? '')
    if (memory.view().crashes > 1) events.crashed(state.pod, container.name)
  }

  async start(container: Container, attempt: number): Promise<void> {
    const memory = this.#memory(container.name)
    const { starter, events, state, onChange } = this.#options
    const { pod, sandbox } = state
    if (memory === undefined || sandbox === undefined) return
    const place = { pod, sandbox, container, attempt: Math.max(attempt, lostRuns(pod, container.name)) }
    const result = await starter.start(place)
    if (result.kind === 'started') {
      memory.started(container.resources)
      memory.image = result.image
      events.pulled(state.pod, container.name, container.image)
      events.created(state.pod, container.name, result.image)
      for (const limit of result.unenforced) events.limitNotEnforced(state.pod, container.name, limit)
    } else {
      this.#onRefusal(memory, result)
    }
    onChange()
  }

  #onRefusal(memory: ContainerMemory, result: Exclude<StartResult, { kind: 'started' }>): void {
    const { events, clock, state, show } = this.#options
    const { name, image } = memory.container
    const now = clock.now()
    if (result.kind === 'no-volumes') {
      if (memory.wait(result.message, now)) events.volumesFailed(state.pod, result.message)
    } else if (result.kind === 'refused') {
      memory.fail(result.reason, result.message, now)
      events.failed(state.pod, name, result.message)
    } else if (result.invalid) {
      memory.fail('InvalidImageName', result.message, now)
      events.invalidImage(state.pod, name, result.message)
    } else {
      memory.fail('ErrImagePull', result.message, now)
      // Both are shown, the failure and then the wait, as upstream's two steps do.
      show()
      memory.problem = { ...backOffPulling(image, result.message), retryAt: memory.problem?.retryAt ?? now }
      events.imageMissing(state.pod, name, image, result.message)
    }
  }

  /** Tells a container to end: its `preStop` hook first, if there is grace for it. */
  terminate({ container: name, reason, graceMs }: PodAction & { readonly kind: 'terminate' }): void {
    const memory = this.#memory(name)
    if (memory?.run === undefined) return
    const { clock, events, state, onChange } = this.#options
    const preStop = graceMs > 0 ? memory.container.lifecycle?.preStop : undefined
    memory.stopping = { since: clock.now(), ...(preStop === undefined ? {} : { hook: 'running' }) }
    memory.probes?.stopRestarts()
    memory.replaced = reason === 'resize'
    const why = reason === 'unhealthy' ? memory.probes?.unhealthy?.kind : reason
    events.stopping(state.pod, name, why === 'stopped' ? undefined : why)
    if (preStop !== undefined) void this.#preStop(memory, memory.run, graceMs)
    onChange()
  }

  /** Gives a running container what it was allotted. */
  async resize(container: Container): Promise<void> {
    const memory = this.#memory(container.name)
    if (memory?.run === undefined) return
    const { runtime, clock, onChange, onResizeFailure } = this.#options
    const { kind, message } = await runtime.resize(memory.run, resourceLimits(container) ?? {})
    if (kind === 'failed') {
      memory.failResize(message, clock.now())
      onResizeFailure(message)
    } else memory.resized(container.resources)
    onChange()
  }

  /** Whether every container that runs has what it was allotted. */
  get hasSettled(): boolean {
    const { pod } = this.#options.state
    return resizableContainers(pod).every(({ name, resources }) => {
      const memory = this.#memory(name)
      if (memory?.replaced === true) return false
      return memory === undefined || !isLive(memory.run) || sameResources(memory.resources, resources)
    })
  }

  /** Sends the stop signal. */
  signal(name: string): void {
    const memory = this.#memory(name)
    if (memory?.run === undefined || memory.stopping === undefined) return
    const { clock, runtime, onChange } = this.#options
    memory.hooks.abort()
    const { since } = memory.stopping
    memory.stopping = { since, signalledAt: clock.now() }
    runtime.stop(memory.run)
    onChange()
  }

  /** @returns whether there was a run to kill. */
  kill(name: string): boolean {
    const run = this.#memory(name)?.run
    if (run === undefined) return false
    this.#options.runtime.kill(run)
    return true
  }

  /** The pod ends: no probe restarts anything any more. */
  stopRestarts(): void {
    for (const { probes } of this.#all) probes?.stopRestarts()
  }

  /** Ends probes and hooks; the containers go on. */
  letGo(): void {
    for (const memory of this.#all) {
      memory.endProbes()
      memory.hooks.abort()
    }
  }

  async #postStart(memory: ContainerMemory, run: ContainerKey): Promise<void> {
    this.#afterHook(memory, 'PostStart', await runPostStart(memory, run, this.#placeOf(memory, run)))
  }

  async #preStop(memory: ContainerMemory, run: ContainerKey, timeoutMs: number): Promise<void> {
    this.#afterHook(memory, 'PreStop', await runPreStop(memory, timeoutMs, this.#placeOf(memory, run)))
  }

  #afterHook({ container }: ContainerMemory, hook: 'PostStart' | 'PreStop', outcome: HookOutcome | undefined): void {
    if (outcome === undefined) return
    const { events, log, state, onChange } = this.#options
    if (outcome.kind === 'failed') {
      const { namespace, name } = state.pod.metadata
      const object = { kind: 'Pod', namespace, name }
      events.hookFailed(state.pod, container.name, hook)
      log.info({ object, container: container.name, hook, message: outcome.message }, 'A hook failed')
    }
    onChange()
  }

  /** Where a container is asked and told things. */
  #placeOf({ container }: ContainerMemory, run: ContainerKey): HookPlace {
    const { clock, runtime, state } = this.#options
    const exec = (command: readonly string[], timeoutMs: number) => runtime.exec(run, command, { timeoutMs })
    return { container, podIP: state.sandbox?.addresses[0] ?? '127.0.0.1', clock, exec }
  }

  #startProbes(memory: ContainerMemory, startedAt: number, key: ContainerKey): ContainerProbes {
    const { events, state, onChange } = this.#options
    const { pod } = state
    const { container } = memory
    const earlier = allContainerStatuses(pod).find(({ containerID }) => containerID === `runc://${memory.run?.id}`)
    return new ContainerProbes({
      ...this.#placeOf(memory, key),
      // Init containers have none, unless they are sidecars.
      container: isInit(pod, container) && !isSidecar(pod, container) ? unprobed(container) : container,
      startedAt,
      graceSeconds: graceSeconds(pod),
      ...(earlier === undefined ? {} : { earlier: { started: earlier.started ?? false, ready: earlier.ready } }),
      onChange,
      onFailure: (kind, message) => events.unhealthy(state.pod, container.name, kind, message),
      onNotice: (kind, notice) => events.probeNotice(state.pod, container.name, kind, notice),
    })
  }

  #memory(name: string): ContainerMemory | undefined {
    return this.#all.find(({ container }) => container.name === name)
  }
}

/** Restarts that the API knows of and this machine has forgotten; a run of a number that was used would hide them. */
function lostRuns(pod: Pod, name: string): number {
  const status = allContainerStatuses(pod).find((one) => one.name === name)
  return status?.containerID === undefined ? 0 : status.restartCount + 1
}

function unprobed({ livenessProbe: _, readinessProbe: __, startupProbe: ___, ...rest }: Container): Container {
  return rest
}

function backOffPulling(image: string, message: string): { reason: string; message: string } {
  return { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": ${message}` }
}
