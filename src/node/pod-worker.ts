import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Pod } from '../kube/types/core.ts'
import type { ContainerStarter } from './container-starter.ts'
import { rejection } from './pod-admission.ts'
import type { PodApi } from './pod-api.ts'
import { PodContainers, type PodState } from './pod-containers.ts'
import type { PodEvents } from './pod-events.ts'
import type { PodAction } from './pod-plan.ts'
import { isFinishedElsewhere } from './pod-progress.ts'
import type { PodSandboxes } from './pod-sandbox.ts'
import { podStatus } from './pod-status.ts'
import { planPod } from './pod-sync.ts'
import type { ContainerProblem, PodFailure, PodView } from './pod-view.ts'
import type { NodeRoom } from './resize/decide-resize.ts'
import { PodResize } from './resize/pod-resize.ts'
import { retryDelay } from './restart-delay.ts'
import type { Runtime } from './runtime/runtime.ts'
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
  /** What there is on the node beside this pod. */
  roomBeside(uid: string): NodeRoom
  /** The pods that the node has taken on beside this one, and that run or will. */
  podsBeside(uid: string): readonly Pod[]
  /** Where a pod's own volumes are. */
  volumesOf(pod: Pod): string
  /** The pod has left the node. */
  onGone(uid: string): void
}

/**
 * Leads one pod through its life on this node: looks at what is true, decides (`pod-sync.ts`), acts, and writes down
 * what has become of it (`pod-status.ts`); again after every change. One step at a time.
 */
export class PodWorker implements AsyncDisposable {
  readonly #around: PodWorkerSurroundings
  readonly #uid: string
  /** Its containers look at it too. */
  readonly #state: { -readonly [K in keyof PodState]: PodState[K] }
  readonly #containers: PodContainers
  readonly #resize: PodResize
  readonly #status: StatusWriter
  #sandboxProblem: ContainerProblem | undefined
  #sandboxFailures = 0
  #failed: PodFailure | undefined
  #running: Promise<void> | undefined
  #changed = false
  #disposed = false
  #gone = false
  readonly #stop = new AbortController()
  #cancelWake: () => void = () => {}

  constructor(pod: Pod, around: PodWorkerSurroundings) {
    this.#around = around
    this.#uid = pod.metadata.uid ?? ''
    this.#resize = new PodResize(pod, { events: around.events, room: () => around.roomBeside(this.#uid) })
    this.#state = { pod: this.#resize.review(pod), sandbox: around.sandboxes.find(this.#uid), ending: undefined }
    this.#status = new StatusWriter(around.api, around.log)
    const { runtime, starter, events, clock, log } = around
    const onChange = () => this.poke()
    const show = () => this.#publish({ lasting: true })
    this.#containers = new PodContainers({
      runtime,
      starter,
      events,
      clock,
      log,
      state: this.#state,
      onChange,
      show,
      onResizeFailure: (message) => this.#resize.fail(message),
    })
    this.#noteDeletion()
    this.#admit()
    this.poke()
  }

  /** A pod that the node does not take on has failed before anything of it is made. */
  #admit(): void {
    const known = this.#sandbox !== undefined || this.#pod.status?.startTime !== undefined
    const refused = known ? undefined : rejection(this.#pod, this.#around.podsBeside(this.#uid))
    if (refused !== undefined) this.#fail(refused)
  }

  /** The pod's object has changed. */
  update(pod: Pod): void {
    const described = isSame(pod.metadata.labels, this.#pod.metadata.labels)
    const annotated = isSame(pod.metadata.annotations, this.#pod.metadata.annotations)
    this.#state.pod = this.#resize.review(pod)
    if (!described || !annotated) void this.refreshVolumes()
    this.#containers.update()
    this.#noteDeletion()
    this.poke()
  }

  /** The pod with what its containers were given: what it takes of the node. */
  get allocated(): Pod {
    return this.#pod
  }

  /** Whether the node's ports that it asked for are its own: until nothing of it runs any more. */
  get holdsPorts(): boolean {
    const { phase } = this.#status.latest ?? this.#pod.status ?? {}
    if (this.#failed !== undefined || phase === 'Succeeded' || phase === 'Failed') return false
    return this.#ending === undefined || (!this.#ending.vanished && this.isLive)
  }

  /** Others may take less than before. */
  reviewResize(): void {
    if (!this.#resize.isDeferred) return
    this.#state.pod = this.#resize.review()
    this.poke()
  }

  /** The pod's object is gone: whatever is left of it ends. */
  vanish(): void {
    this.#state.ending = { since: this.#around.clock.now(), vanished: true }
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
    this.#containers.letGo()
    await this.#running
  }

  #noteDeletion(): void {
    if (this.#pod.metadata.deletionTimestamp === undefined || this.#ending !== undefined) return
    this.#state.ending = { since: this.#around.clock.now(), vanished: false }
    this.#containers.stopRestarts()
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
    this.#containers.observe()
    this.#resize.observe(this.#containers.hasSettled)
    const plan = planPod(this.#pod, this.#view(), clock.now())
    // The sandbox is made within this very moment: the first status has the pod's address.
    const lasting = plan.actions.some(({ kind }) => kind === 'resize')
    if (!plan.actions.some(({ kind }) => kind === 'create-sandbox')) this.#publish({ lasting })
    // Independent of one another: containers of one pod start together.
    await Promise.all(plan.actions.map((action) => this.#act(action)))
    if (plan.wakeAt !== undefined) this.#wakeAt(plan.wakeAt)
  }

  #wakeAt(time: number): void {
    this.#cancelWake()
    this.#cancelWake = this.#around.clock.after(Math.max(1, time - this.#around.clock.now()), () => this.poke())
  }

  #view(): PodView {
    const { startTime } = this.#status.latest ?? this.#pod.status ?? {}
    return {
      ...(this.#sandbox === undefined ? {} : { sandbox: this.#sandbox }),
      ...(this.#sandboxProblem === undefined ? {} : { sandboxProblem: this.#sandboxProblem }),
      ...(this.#ending === undefined ? {} : { ending: this.#ending }),
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
      ...(startTime === undefined ? {} : { startTime: Date.parse(startTime) }),
      containers: this.#containers.views(),
      resize: this.#resize.view(),
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
        return this.#containers.start(action.container, action.attempt)
      case 'resize':
        return this.#containers.resize(action.container)
      case 'terminate':
        return this.#containers.terminate(action)
      case 'signal':
        return this.#containers.signal(action.container)
      case 'kill':
        return this.#kill(action.container)
      case 'fail':
        return this.#fail(action)
      case 'remove-sandbox':
        this.#around.sandboxes.removeNetwork(this.#uid)
        this.#state.sandbox = undefined
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
      this.#state.sandbox = sandboxes.create(this.#pod)
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

  #fail(failure: PodFailure): void {
    const { reason, message } = failure
    this.#failed = failure
    this.#around.events.gaveUp(this.#pod, reason, message)
    this.#changed = true
  }

  #kill(name: string): void {
    if (!this.#containers.kill(name)) return
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

  get #pod(): Pod {
    return this.#state.pod
  }

  get #sandbox(): PodState['sandbox'] {
    return this.#state.sandbox
  }

  get #ending(): PodState['ending'] {
    return this.#state.ending
  }

  #object() {
    const { namespace, name } = this.#pod.metadata
    return { kind: 'Pod', namespace, name }
  }

  /** Whether any container of the pod has a process. */
  get isLive(): boolean {
    return this.#containers.isLive
  }
}

function isSame(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  return isDeepStrictEqual(a, b)
}
