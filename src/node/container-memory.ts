import type { Container, Pod } from '../kube/types/core.ts'
import { type ContainerProblem, type ContainerView, isLive, type RunView } from './pod-view.ts'
import type { ContainerProbes } from './probes/container-probes.ts'
import { crashesAfter, retryDelay } from './restart-delay.ts'
import type { ContainerRecord, ExitedState } from './runtime/runtime.ts'

/** What an agent remembers of one container beside what the runtime knows: lost with the agent, and then learnt anew. */
export class ContainerMemory {
  readonly container: Container
  problem: ContainerProblem | undefined
  image: { readonly name: string; readonly id: string } | undefined
  probes: ContainerProbes | undefined
  stoppingSince: number | undefined
  #runs: readonly ContainerRecord[] = []
  #crashes = 0
  #counted = -1
  #failures = 0

  constructor(pod: Pod, container: Container) {
    this.container = container
    const status = pod.status?.containerStatuses?.find(({ name }) => name === container.name)
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
      this.#crashes = crashesAfter(this.#counted < 0 ? run.attempt : this.#crashes, run.state)
      this.#counted = run.attempt
    }
    this.endProbes()
    this.stoppingSince = undefined
  }

  /** Counts a start that failed; the next is due after a while that doubles. */
  fail(reason: string, message: string, now: number): void {
    this.#failures++
    this.problem = { reason, message, retryAt: now + retryDelay(this.#failures) }
  }

  /** A run was started. */
  started(): void {
    this.problem = undefined
    this.#failures = 0
    this.stoppingSince = undefined
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
    const { run, problem, probes, stoppingSince, image } = this
    const last = this.#runs.at(-2)
    return {
      ...(run === undefined ? {} : { run: runView(run) }),
      ...(last?.state.kind === 'exited' ? { lastRun: { ...runView(last), state: last.state as ExitedState } } : {}),
      ...(problem === undefined ? {} : { problem }),
      crashes: this.#crashes,
      ready: isLive(run) && probes?.ready === true,
      started: isLive(run) && probes?.started === true,
      ...(probes?.unhealthy === undefined ? {} : { unhealthy: probes.unhealthy }),
      ...(stoppingSince === undefined ? {} : { stoppingSince }),
      ...(image === undefined ? {} : { image }),
    }
  }
}

function runView({ id, attempt, state }: ContainerRecord): RunView {
  return { id, attempt, state }
}
