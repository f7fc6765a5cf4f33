import { allContainerStatuses } from '../kube/all-containers.ts'
import type { Container, Pod, ResourceRequirements } from '../kube/types/core.ts'
import { type ContainerProblem, type ContainerView, isLive, type RunView, type StopView } from './pod-view.ts'
import type { ContainerProbes } from './probes/container-probes.ts'
import { crashesAfter, retryDelay } from './restart-delay.ts'
import type { ContainerRecord, ExitedState } from './runtime/runtime.ts'

/** Waits between tries to make the volumes; upstream begins with 500 ms. */
const FIRST_WAIT_MS = 20
const TOLD_WAIT_MS = 320
const LONGEST_WAIT_MS = 122_000

/** What an agent remembers of one container beside what the runtime knows: lost with the agent, and then learnt anew. */
export class ContainerMemory {
  readonly container: Container
  problem: ContainerProblem | undefined
  image: { readonly name: string; readonly id: string } | undefined
  probes: ContainerProbes | undefined
  stopping: StopView | undefined
  postStart: 'running' | 'failed' | undefined
  /** What its run has been given. */
  resources: ResourceRequirements
  resizeProblem: ContainerView['resizeProblem']
  /** Its run is ended to be started with other resources. */
  replaced = false
  /** Ends the hook that runs. */
  readonly hooks = new HookSwitch()
  #runs: readonly ContainerRecord[] = []
  #crashes = 0
  #counted = -1
  #failures = 0

  constructor(pod: Pod, container: Container) {
    this.container = container
    const status = allContainerStatuses(pod).find(({ name }) => name === container.name)
    this.resources = status?.resources ?? container.resources ?? {}
    if (status !== undefined && status.imageID !== '') this.image = { name: status.image, id: status.imageID }
  }

  /** The newest run. */
  get run(): ContainerRecord | undefined {
    return this.#runs.at(-1)
  }

  /** Takes in what the runtime knows now, oldest first. Ends what belongs to a run that has ended. */
  observe(runs: readonly ContainerRecord[]): void {
    this.#runs = runs
    const run = this.run
    if (run?.state.kind !== 'exited') return
    if (run.attempt > this.#counted) {
      // An agent that has just started takes earlier restarts for crashes: it has not seen how long they ran.
      const before = this.#counted < 0 ? run.attempt : this.#crashes
      this.#crashes = this.replaced ? 0 : crashesAfter(before, run.state)
      this.#counted = run.attempt
    }
    this.endProbes()
    this.#forgetRun()
  }

  /** Counts a start that failed; the next is due after a while that doubles. */
  fail(reason: string, message: string, now: number): void {
    this.#failures++
    this.problem = { reason, message, retryAt: now + retryDelay(this.#failures) }
  }

  /**
   * Something that the start needs is not there yet; it is looked for again soon, then more seldom.
   *
   * @returns Whether it has been missed for long enough to be told of: what comes with a new namespace may be late.
   */
  wait(message: string, now: number): boolean {
    const delay = Math.min(FIRST_WAIT_MS * 2 ** this.#failures++, LONGEST_WAIT_MS)
    this.problem = { reason: 'ContainerCreating', message, retryAt: now + delay }
    return delay >= TOLD_WAIT_MS
  }

  /** A run was started with these resources. */
  started(resources: ResourceRequirements = {}): void {
    this.problem = undefined
    this.resources = resources
    this.resizeProblem = undefined
    this.replaced = false
    this.#failures = 0
    this.#forgetRun()
  }

  /** The run was given other resources. */
  resized(resources: ResourceRequirements = {}): void {
    this.resources = resources
    this.resizeProblem = undefined
    this.#failures = 0
  }

  /** It could not be; the next try is due after a while that doubles. */
  failResize(message: string, now: number): void {
    this.#failures++
    this.resizeProblem = { message, retryAt: now + retryDelay(this.#failures) }
  }

  #forgetRun(): void {
    this.hooks.abort()
    this.stopping = undefined
    this.postStart = undefined
  }

  endProbes(): void {
    this.probes?.[Symbol.dispose]()
    this.probes = undefined
  }

  /** Runs that nobody asks for any more: all but the newest two. */
  get outdated(): readonly ContainerRecord[] {
    return this.#runs.slice(0, -2)
  }

  view(): ContainerView {
    const { run, problem, probes, stopping, postStart, image, resources, resizeProblem } = this
    const last = this.#runs.at(-2)
    return {
      ...(run === undefined ? {} : { run: runView(run) }),
      ...(last?.state.kind === 'exited' ? { lastRun: { ...runView(last), state: last.state as ExitedState } } : {}),
      ...(problem === undefined ? {} : { problem }),
      crashes: this.#crashes,
      ready: isLive(run) && probes?.ready === true,
      started: isLive(run) && probes?.started === true,
      ...(probes?.unhealthy === undefined ? {} : { unhealthy: probes.unhealthy }),
      ...(stopping === undefined ? {} : { stopping }),
      ...(postStart === undefined ? {} : { postStart }),
      ...(image === undefined ? {} : { image }),
      ...(isLive(run) ? { resources } : {}),
      ...(resizeProblem === undefined ? {} : { resizeProblem }),
      ...(this.replaced ? { replaced: true } : {}),
    }
  }
}

/** One hook at a time belongs to a run, and ends with it. */
export class HookSwitch {
  #controller = new AbortController()

  /** The signal for a hook that begins now. */
  begin(): AbortSignal {
    this.abort()
    this.#controller = new AbortController()
    return this.#controller.signal
  }

  abort(): void {
    this.#controller.abort()
  }
}

function runView({ id, attempt, state }: ContainerRecord): RunView {
  return { id, attempt, state }
}
