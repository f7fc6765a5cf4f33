import type { LogKeeper } from '../logs/log-keeper.ts'
import type { ContainerInput } from './container-input.ts'
import type { ExecProcess, StreamingExecOptions } from './exec-process.ts'
import type { ContainerConfig, ResourceLimits } from './oci-spec.ts'

/** One run of one container of a pod: the first is attempt 0, every restart one more. */
export interface ContainerKey {
  readonly podUid: string
  readonly name: string
  readonly attempt: number
}

export type ContainerState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: number; readonly startedAt: number }
  | ExitedState

/** Times in milliseconds since the epoch. */
export interface ExitedState {
  readonly kind: 'exited'
  readonly exitCode: number
  /** Left out when the container never ran. */
  readonly startedAt?: number
  readonly finishedAt: number
  /**
   * `StartError`: it never ran; `ContainerStatusUnknown`: it is gone and nobody saw how it ended; `OOMKilled`: the kernel
   * killed of it for want of memory.
   */
  readonly reason?: 'StartError' | 'ContainerStatusUnknown' | 'OOMKilled'
  readonly message?: string
}

export interface ContainerRecord extends ContainerKey {
  readonly id: string
  readonly state: ContainerState
  readonly logPath: string
}

export interface ExecOptions {
  readonly timeoutMs: number
  /** Bytes of standard output and error that are kept. @default 16384 */
  readonly maxOutput?: number
}

export interface ExecResult {
  /** `undefined` when the command was stopped at its time limit. */
  readonly exitCode: number | undefined
  /** Standard output and error as they came. */
  readonly output: string
}

export type ResizeResult =
  | { readonly kind: 'resized'; readonly message?: undefined }
  /** What the kernel or runc had against it. */
  | { readonly kind: 'failed'; readonly message: string }

/**
 * Runs containers that outlive the agent. What is true stands in files and in the kernel, so that an agent that was
 * killed finds every container again, and how those ended that ended meanwhile.
 */
export interface Runtime extends Disposable {
  /** Knows the times of what containers wrote, and when they write more. */
  readonly logs: LogKeeper
  /** Called with the pod's uid after any container of it changed its state. */
  onChange(listener: (podUid: string) => void): void
  /**
   * Starts a run; what comes of it is told by `onChange`.
   *
   * @throws FairleadError `RUNTIME_FAILED`, `DISK_FULL` or `INVALID_INPUT` when it cannot even be tried.
   */
  start(key: ContainerKey, config: Omit<ContainerConfig, 'root'> & { readonly lower: string }): void
  /** Runs of one pod, oldest first. */
  containers(podUid: string): readonly ContainerRecord[]
  /** Pods that have anything here. */
  pods(): readonly string[]
  /**
   * Sends a running container's first process its stop signal. The kernel drops a signal to a first process that has no
   * handler for it; so to one that has none yet it is sent as soon as there is one.
   */
  stop(key: ContainerKey): void
  /** Kills the first process of a running container; without it the kernel ends all others. */
  kill(key: ContainerKey): void
  /** Changes what a running container may use; limits that are left out stay as they are. */
  resize(key: ContainerKey, limits: ResourceLimits): Promise<ResizeResult>
  /** Runs a command inside a running container. */
  exec(key: ContainerKey, command: readonly string[], options: ExecOptions): Promise<ExecResult>
  /** Starts a command inside a running container whose streams are the caller's. */
  execStreaming(key: ContainerKey, command: readonly string[], options: StreamingExecOptions): ExecProcess
  /** What clients can do to a running container beside reading its log; `undefined` when it does not run. */
  input(key: ContainerKey): ContainerInput | undefined
  /** Forgets a run that has ended: its files and its log. */
  remove(key: ContainerKey): Promise<void>
  /** Ends whatever still runs of a pod, and forgets the pod. */
  removePod(podUid: string): Promise<void>
}
