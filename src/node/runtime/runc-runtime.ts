import { closeSync, existsSync, type FSWatcher, mkdirSync, openSync, rmSync, watch, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { isAlive, killProcess, type ProcessIdentity } from '../../linux/process.ts'
import { signalDisposition, signalNumber } from '../../linux/signals.ts'
import { LogKeeper } from '../logs/log-keeper.ts'
import { marksPath } from '../logs/log-times.ts'
import {
  type ContainerDirectory,
  containerDirectory,
  containersDirectory,
  entries,
  listRuns,
  readShim,
  readState,
} from './container-directory.ts'
import { type ContainerInput, containerInput, endInput } from './container-input.ts'
import { type ExecProcess, killByFile, type StreamingExecOptions, startExec } from './exec-process.ts'
import { type ContainerConfig, limitsSpec, ociSpec, type ResourceLimits } from './oci-spec.ts'
import { endHolder, holderMounts } from './pod-holder.ts'
import { prepareRun, readStopSignal, withLastWords, withMemoryFailure } from './run-files.ts'
import { initProcess, type Runc, runRunc } from './runc-command.ts'
import type {
  ContainerKey,
  ContainerRecord,
  ContainerState,
  ExecOptions,
  ExecResult,
  ResizeResult,
  Runtime,
} from './runtime.ts'
import { startShim } from './start-shim.ts'

export interface RuncRuntimeOptions {
  readonly runc: Runc
  /** One directory per pod; see `container-directory.ts`. */
  readonly podsDirectory: string
  /** Logs, as `UID/CONTAINER/ATTEMPT.log`: standard output and error as they come. */
  readonly logsDirectory: string
  readonly clock: Clock
  readonly log: Log
}

/** How often runs are looked at without an event: only the end of a killed shim has none. */
const RELIST_MS = 2_000
const DELETE_TIMEOUT_MS = 10_000
const UPDATE_TIMEOUT_MS = 10_000
const KILL_TIMEOUT_MS = 5_000
const KILL_RETRY_MS = 200
const SIGKILL = 9
const SIGTERM = 15
/** How soon, and at last how seldom, a program is looked at that does not hear its stop signal yet. */
const FIRST_ASK_MS = 5
const LONGEST_ASK_MS = 100
/** A program that has heard its signal still has its handler after so long. */
const HEARING_MS = 100

interface Run {
  readonly key: ContainerKey
  readonly directory: ContainerDirectory
  state: ContainerState
  watcher: FSWatcher | undefined
  /** Called once at the next change of state. */
  waiters: (() => void)[]
}

/** {@link Runtime} on runc: each run is `runc run` in the foreground under a shell. Nothing is mounted on the machine. */
export class RuncRuntime implements Runtime {
  readonly logs: LogKeeper
  readonly #options: RuncRuntimeOptions
  readonly #runs = new Map<string, Run>()
  readonly #listeners = new Set<(podUid: string) => void>()
  #cancelRelist: () => void

  /** Takes over whatever runs already. */
  constructor(options: RuncRuntimeOptions) {
    this.#options = options
    this.logs = new LogKeeper(options)
    for (const podUid of this.pods()) {
      for (const key of listRuns(options.podsDirectory, podUid)) this.#adopt(key)
    }
    this.#cancelRelist = this.#scheduleRelist()
  }

  onChange(listener: (podUid: string) => void): void {
    this.#listeners.add(listener)
  }

  start(key: ContainerKey, config: Omit<ContainerConfig, 'root'> & { readonly lower: string }): void {
    const directory = containerDirectory(this.#options.podsDirectory, key)
    const { lower, ...rest } = config
    const root = { lower, upper: join(directory.path, 'upper'), work: join(directory.path, 'work') }
    try {
      // What an attempt left that never came to its shim.
      rmSync(directory.path, { recursive: true, force: true })
      for (const path of [join(directory.path, 'rootfs'), root.upper, root.work]) mkdirSync(path, { recursive: true })
      const mounts = [...rest.mounts, ...prepareRun(directory, config)]
      const spec = ociSpec({ ...rest, mounts, root })
      writeFileSync(join(directory.path, 'config.json'), JSON.stringify(spec), { mode: 0o600 })
      this.#spawn(key, directory, config)
    } catch (error) {
      rmSync(directory.path, { recursive: true, force: true })
      throw startFailure(key, error)
    }
  }

  #spawn(key: ContainerKey, directory: ContainerDirectory, config: Omit<ContainerConfig, 'root'>): void {
    const { runc } = this.#options
    const logPath = this.#logPath(key)
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o750 })
    const log = openSync(logPath, 'a', 0o640)
    try {
      const run = this.#track(key, directory, { kind: 'starting' })
      const options = ['--root', runc.root, '--log', directory.runcLog, '--log-format', 'json']
      const command = [runc.path, ...options, 'run', '--bundle', directory.path, '--pid-file', directory.pid]
      const mounts = holderMounts(config.holder)
      const child = startShim({
        directory,
        log,
        command: [...command, containerId(key)],
        streams: config,
        ...(mounts === undefined ? {} : { mounts }),
      })
      child.on('error', (error) => this.#failed(run, `cannot start /bin/sh: ${error.message}`))
      child.on('exit', () => this.#shimEnded(run))
    } finally {
      closeSync(log)
    }
  }

  containers(podUid: string): readonly ContainerRecord[] {
    return [...this.#runs.values()]
      .filter((run) => run.key.podUid === podUid)
      .sort((a, b) => a.key.attempt - b.key.attempt)
      .map(({ key, state }) => ({ ...key, id: containerId(key), state, logPath: this.#logPath(key) }))
  }

  pods(): readonly string[] {
    return entries(this.#options.podsDirectory)
  }

  stop(key: ContainerKey): void {
    const run = this.#runs.get(containerId(key))
    if (run !== undefined) this.#sendStop(run, signalNumber(readStopSignal(run.directory)) ?? SIGTERM, FIRST_ASK_MS)
  }

  #sendStop(run: Run, signal: number, waitMs: number): void {
    const init = this.#initOf(run)
    if (init === undefined) return
    const disposition = signalDisposition(init.pid, signal)
    // Until it has become the container's own program it is runc, which has handlers of its own.
    const isProgram = disposition !== undefined && !disposition.command.startsWith('runc:[')
    const hears = isProgram && (disposition.kind !== 'default' || !disposition.first)
    if (hears || signal === SIGKILL) {
      killProcess(init, signal)
      if (hears && disposition.first) this.#watchHearing(run, signal, 0)
    } else {
      this.#options.clock.after(waitMs, () => this.#sendStop(run, signal, Math.min(waitMs * 2, LONGEST_ASK_MS)))
    }
  }

  /**
   * Node.js, before a program of its own listens, has a handler that resets itself and raises the signal once more: for
   * a first process that is as if it had never come.
   */
  #watchHearing(run: Run, signal: number, watchedMs: number): void {
    const init = this.#initOf(run)
    if (init === undefined || watchedMs >= HEARING_MS) return
    if (signalDisposition(init.pid, signal)?.kind === 'default') this.#sendStop(run, signal, FIRST_ASK_MS)
    else this.#options.clock.after(FIRST_ASK_MS, () => this.#watchHearing(run, signal, watchedMs + FIRST_ASK_MS))
  }

  /** The first process of a run that goes on. */
  #initOf(run: Run): ProcessIdentity | undefined {
    if (run.state.kind === 'exited' || this.#runs.get(containerId(run.key)) !== run) return undefined
    const init = initProcess(this.#options.runc, containerId(run.key))
    return init !== undefined && isAlive(init) ? init : undefined
  }

  kill(key: ContainerKey): void {
    const run = this.#runs.get(containerId(key))
    if (run === undefined || run.state.kind === 'exited') return
    const init = initProcess(this.#options.runc, containerId(key))
    if (init !== undefined) killProcess(init, 'SIGKILL')
    else this.#killShim(run)
  }

  /** Before there is a container, killing it is killing what is about to make it. */
  #killShim(run: Run): void {
    const shim = readShim(run.directory)
    if (shim !== undefined && isAlive(shim)) kill(-shim.pid, 'SIGKILL')
  }

  async resize(key: ContainerKey, limits: ResourceLimits): Promise<ResizeResult> {
    const { runc, podsDirectory } = this.#options
    const file = join(containerDirectory(podsDirectory, key).path, 'resources.json')
    writeFileSync(file, JSON.stringify(limitsSpec(limits)))
    const options = { timeoutMs: UPDATE_TIMEOUT_MS, maxOutput: 4096 }
    const { exitCode, output } = await runRunc(runc, ['update', '--resources', file, containerId(key)], options)
    if (exitCode === 0) return { kind: 'resized' }
    return { kind: 'failed', message: output.trim() || `runc update ended with ${exitCode ?? 'no answer'}` }
  }

  async exec(key: ContainerKey, command: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const { runc } = this.#options
    const pidFile = `${this.#execPath(key)}.pid`
    try {
      return await runRunc(runc, ['exec', '--pid-file', pidFile, containerId(key), ...command], {
        timeoutMs: options.timeoutMs,
        maxOutput: options.maxOutput ?? 16_384,
        onTimeout: () => killByFile(pidFile),
      })
    } finally {
      rmSync(pidFile, { force: true })
    }
  }
  #nextExec = 0

  execStreaming(key: ContainerKey, command: readonly string[], options: StreamingExecOptions): ExecProcess {
    const { runc, clock } = this.#options
    return startExec({ runc, id: containerId(key), files: this.#execPath(key), command, clock }, options)
  }

  input(key: ContainerKey): ContainerInput | undefined {
    const run = this.#runs.get(containerId(key))
    return run?.state.kind === 'running' ? containerInput(run.directory, run.state.pid) : undefined
  }

  /** Where a command of a container keeps what is known of it. The process number keeps agents apart. */
  #execPath(key: ContainerKey): string {
    const { path } = containerDirectory(this.#options.podsDirectory, key)
    return join(path, `exec-${process.pid}-${this.#nextExec++}`)
  }

  async remove(key: ContainerKey): Promise<void> {
    const run = this.#runs.get(containerId(key))
    if (run !== undefined) this.#forget(run)
    endInput(containerDirectory(this.#options.podsDirectory, key))
    await this.#deleteContainer(containerId(key))
    await rm(containerDirectory(this.#options.podsDirectory, key).path, { recursive: true, force: true })
    await rm(this.#logPath(key), { force: true })
    await rm(marksPath(this.#logPath(key)), { force: true })
  }

  async removePod(podUid: string): Promise<void> {
    const { podsDirectory, logsDirectory } = this.#options
    const runs = [...this.#runs.values()].filter((run) => run.key.podUid === podUid)
    await Promise.all(runs.map((run) => this.#end(run)))
    endHolder(join(podsDirectory, podUid))
    await rm(containersDirectory(podsDirectory, podUid), { recursive: true, force: true, maxRetries: 3 })
    await rm(join(logsDirectory, podUid), { recursive: true, force: true })
  }

  [Symbol.dispose](): void {
    this.#cancelRelist()
    this.#listeners.clear()
    for (const run of this.#runs.values()) run.watcher?.close()
    this.logs[Symbol.dispose]()
  }

  #adopt(key: ContainerKey): void {
    const directory = containerDirectory(this.#options.podsDirectory, key)
    const state = this.#read(key, directory)
    if (state !== undefined) this.#track(key, directory, state)
    else rmSync(directory.path, { recursive: true, force: true })
  }

  #track(key: ContainerKey, directory: ContainerDirectory, state: ContainerState): Run {
    const run: Run = { key, directory, state, watcher: undefined, waiters: [] }
    this.#runs.set(containerId(key), run)
    if (state.kind === 'exited') return run
    if (existsSync(this.#logPath(key))) this.logs.keep(this.#logPath(key))
    run.watcher = watch(directory.path, (_event, file) => {
      if (file === 'pid' || file === 'exit') this.#refresh(run)
    })
    run.watcher.on('error', (error) => this.#options.log.warn({ container: run.key, error }, 'watch failed'))
    // It may have ended between the first look and the watch.
    const latest = this.#read(key, directory)
    if (latest !== undefined) run.state = latest
    if (run.state.kind === 'exited') this.logs.release(this.#logPath(key))
    return run
  }

  #read(key: ContainerKey, directory: ContainerDirectory): ContainerState | undefined {
    const { runc, clock } = this.#options
    const state = readState(directory, () => initProcess(runc, containerId(key)), clock.now())
    if (state?.kind !== 'exited') return state
    return withLastWords(withMemoryFailure(state, directory), directory, this.#logPath(key))
  }

  #refresh(run: Run): void {
    if (run.state.kind === 'exited' || this.#runs.get(containerId(run.key)) !== run) return
    const state = this.#read(run.key, run.directory)
    if (state !== undefined && state.kind !== run.state.kind) this.#become(run, state)
  }

  #shimEnded(run: Run): void {
    this.#refresh(run)
    if (run.state.kind === 'starting') this.#failed(run, 'the process that waits for the container was killed')
  }

  #failed(run: Run, message: string): void {
    const finishedAt = this.#options.clock.now()
    this.#become(run, { kind: 'exited', exitCode: 128, finishedAt, reason: 'StartError', message })
  }

  #become(run: Run, state: ContainerState): void {
    run.state = state
    if (state.kind === 'exited') {
      run.watcher?.close()
      run.watcher = undefined
      this.logs.release(this.#logPath(run.key))
    }
    for (const resolve of run.waiters.splice(0)) resolve()
    for (const listener of this.#listeners) listener(run.key.podUid)
  }

  #forget(run: Run): void {
    run.watcher?.close()
    this.logs.release(this.#logPath(run.key))
    this.#runs.delete(containerId(run.key))
  }

  /** Kills a run and waits until runc has cleared it away. */
  async #end(run: Run): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.now() + KILL_TIMEOUT_MS
    while (run.state.kind !== 'exited' && clock.now() < deadline) {
      const changed = new Promise<void>((resolve) => run.waiters.push(resolve))
      this.kill(run.key)
      await Promise.race([changed, clock.sleep(KILL_RETRY_MS)])
      this.#refresh(run)
    }
    this.#forget(run)
    endInput(run.directory)
    await this.#deleteContainer(containerId(run.key))
  }

  /** runc tidies up after itself; this is for the ones whose runc was killed. */
  async #deleteContainer(id: string): Promise<void> {
    const { runc, log } = this.#options
    if (!existsSync(join(runc.root, id))) return
    const result = await runRunc(runc, ['delete', '--force', id], { timeoutMs: DELETE_TIMEOUT_MS, maxOutput: 4096 })
    // Gone meanwhile is what was wanted.
    if (result.exitCode === 0 || !existsSync(join(runc.root, id))) return
    log.warn({ container: id, output: result.output, exitCode: result.exitCode }, 'runc delete failed')
  }

  #scheduleRelist(): () => void {
    return this.#options.clock.after(RELIST_MS, () => {
      for (const run of this.#runs.values()) this.#refresh(run)
      this.#cancelRelist = this.#scheduleRelist()
    })
  }

  #logPath(key: ContainerKey): string {
    return join(this.#options.logsDirectory, key.podUid, key.name, `${key.attempt}.log`)
  }
}

/** The name of a run towards runc, unique within a cluster. */
export function containerId({ podUid, name, attempt }: ContainerKey): string {
  return `${podUid}-${name}-${attempt}`
}

function startFailure(key: ContainerKey, cause: unknown): FairleadError {
  if (cause instanceof FairleadError) return cause
  const what = `Cannot start container ${key.name} of pod ${key.podUid}`
  if (systemErrorCode(cause) === 'ENOSPC') return new FairleadError('DISK_FULL', `${what}: no space left`, { cause })
  return new FairleadError('RUNTIME_FAILED', `${what}: ${String(cause)}`, { cause })
}

function kill(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!Number.isInteger(pid) || pid === 0 || pid === 1) return
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error
  }
}
