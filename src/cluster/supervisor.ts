import type { ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { isAlive, killProcess, type ProcessIdentity, readProcessIdentity, spawnIn } from '../linux/process.ts'
import { type MemberMessage, memberError } from './member-protocol.ts'
import type { ProcessRegister } from './process-register.ts'

/** A process that the supervisor keeps running. */
export interface MemberSpec {
  /** Unique in the cluster: `control-plane`, `node-1`. */
  readonly name: string
  /** The program to run with Node.js. */
  readonly program: string
  readonly nodeFlags?: readonly string[]
  /** Path of the network namespace to start it in; the supervisor's own when left out. */
  readonly netns?: string
  /** Called before each start: makes sure of what the process needs, such as a namespace that went with its machine. */
  readonly prepare?: () => void
  /** It loads ahead of its configuration, and must not slow what others wait for meanwhile. */
  readonly ahead?: boolean
}

export interface SupervisorOptions {
  readonly register: ProcessRegister
  /** Each member's standard output and error, `<name>.log`. */
  readonly logDirectory: string
  readonly environment?: Readonly<Record<string, string>>
  readonly log: Log
  readonly clock?: Clock
}

/** A member dies and is started again: at once, then ever more slowly while it keeps dying young. */
const RESTART_MS = [0, 100, 500, 2_000, 10_000] as const
const SETTLED_MS = 30_000
/** Niceness of a member that loads ahead; an ordinary process has 0. */
const LOADING_AHEAD = 10
const STOP_TIMEOUT_MS = 10_000

/**
 * Starts the processes of a cluster and starts again what dies. A member is given its configuration in a message; one
 * that cannot start at all says why, and {@link start} throws that.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #clock: Clock
  readonly #members = new Map<string, Member>()
  #stopping = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** Starts the program now, so that it loads while its configuration is still being made. */
  spawn(spec: MemberSpec): void {
    const child = this.#launch(spec)
    if (spec.ahead === true) renice(child, LOADING_AHEAD)
    this.#members.set(spec.name, new Member(spec, child))
  }

  /**
   * Gives a spawned member its configuration, and keeps it running from then on.
   *
   * @returns What the member says when it is ready.
   * @throws FairleadError the member's own failure, or `PROCESS_FAILED` when it ended without a word.
   */
  async start<R>(name: string, config: unknown): Promise<R> {
    const member = this.#members.get(name)
    if (member === undefined) throw new FairleadError('BUG', `Cannot start ${name}: it was not spawned`)
    member.config = config
    if (member.spec.ahead === true) renice(member.child, 0)
    const result = await this.#configure<R>(member, member.child)
    this.#watch(member)
    return result
  }

  /** What a member is given when it is started again. */
  reconfigure(name: string, config: unknown): void {
    const member = this.#members.get(name)
    if (member !== undefined) member.config = config
  }

  /** Process numbers by member name. */
  processes(): ReadonlyMap<string, number> {
    return new Map([...this.#members].flatMap(([name, { child }]) => (child.pid ? [[name, child.pid] as const] : [])))
  }

  /**
   * Stops members in the order given, those of one group together; the rest, if any, last. What does not stop within ten
   * seconds is killed.
   */
  async stop(groups: readonly (readonly string[])[] = []): Promise<void> {
    this.#stopping = true
    const rest = [...this.#members.keys()].filter((name) => !groups.flat().includes(name))
    for (const group of [...groups, rest]) {
      await Promise.all(group.flatMap((name) => this.#members.get(name) ?? []).map((member) => this.#end(member)))
    }
  }

  #launch(spec: MemberSpec): ChildProcess {
    const { logDirectory, environment, register } = this.#options
    spec.prepare?.()
    mkdirSync(logDirectory, { recursive: true, mode: 0o700 })
    const output = openSync(join(logDirectory, `${spec.name}.log`), 'a', 0o600)
    try {
      const child = spawnIn(spec.netns, process.execPath, [...(spec.nodeFlags ?? []), spec.program, spec.name], {
        stdio: ['ignore', output, output, 'ipc'],
        env: { ...process.env, ...environment },
        // A session of its own: neither the terminal's Ctrl-C nor the supervisor's end reaches it.
        detached: true,
      })
      child.on('error', (error) => this.#options.log.error({ err: error, member: spec.name }, 'Cannot signal a member'))
      if (child.pid !== undefined) register.add(spec.name, child.pid)
      return child
    } finally {
      closeSync(output)
    }
  }

  #configure<R>(member: Member, child: ChildProcess): Promise<R> {
    const { name } = member.spec
    return new Promise((resolve, reject) => {
      const onMessage = (message: MemberMessage<R>) => {
        child.off('exit', onExit)
        if (message.type === 'ready') resolve(message.result)
        else reject(memberError(name, message))
      }
      const onExit = (code: number | null, signal: string | null) => {
        child.off('message', onMessage)
        reject(endedEarly(name, { code, signal, logDirectory: this.#options.logDirectory }))
      }
      child.once('message', onMessage)
      child.once('exit', onExit)
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
      else child.send({ type: 'start', config: member.config }, () => {})
    })
  }

  #watch(member: Member): void {
    const { child, spec } = member
    const startedAt = this.#clock.now()
    const onExit = (code: number | null, signal: string | null) => {
      if (this.#stopping) return
      this.#options.log.warn({ member: spec.name, code, signal }, 'A member ended and is started again')
      if (this.#clock.now() - startedAt > SETTLED_MS) member.restarts = 0
      void this.#restart(member)
    }
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
    else child.once('exit', onExit)
  }

  async #restart(member: Member): Promise<void> {
    const delay = RESTART_MS[Math.min(member.restarts, RESTART_MS.length - 1)] ?? 0
    member.restarts++
    if (delay > 0) await this.#clock.sleep(delay)
    if (this.#stopping) return
    try {
      member.child = this.#launch(member.spec)
      await this.#configure(member, member.child)
      this.#watch(member)
    } catch (error) {
      this.#options.log.error({ err: error, member: member.spec.name }, 'A member did not start again')
      if (!this.#stopping) void this.#restart(member)
    }
  }

  async #end({ child, spec }: Member): Promise<void> {
    const identity = child.pid === undefined ? undefined : readProcessIdentity(child.pid)
    if (identity !== undefined) await endProcess(identity, this.#clock)
    this.#options.register.remove(spec.name)
    if (child.connected) child.disconnect()
  }
}

class Member {
  readonly spec: MemberSpec
  child: ChildProcess
  config: unknown
  restarts = 0

  constructor(spec: MemberSpec, child: ChildProcess) {
    this.spec = spec
    this.child = child
  }
}

/** A process that has ended meanwhile is told of by its exit. */
function renice(child: ChildProcess, niceness: number): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  setPriority(child.pid, niceness)
}

/** Asks a process to end, and kills it when it does not. */
export async function endProcess(identity: ProcessIdentity, clock: Clock): Promise<void> {
  const deadline = clock.now() + STOP_TIMEOUT_MS
  signal(identity, 'SIGTERM')
  while (isAlive(identity) && clock.now() < deadline) await clock.sleep(5)
  signal(identity, 'SIGKILL')
  while (isAlive(identity)) await clock.sleep(5)
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    killProcess(identity, name)
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error
  }
}

function endedEarly(
  name: string,
  { code, signal, logDirectory }: { code: number | null; signal: string | null; logDirectory: string },
): FairleadError {
  const how = signal === null ? `with code ${code}` : `by ${signal}`
  const text = `Cannot start ${name}: its process ended ${how}`
  // The log goes with the cluster that could not start; what matters of it is told here.
  const words = lastWords(join(logDirectory, `${name}.log`))
  return new FairleadError('PROCESS_FAILED', words === undefined ? text : `${text} and said: ${words}`)
}

/** The last line of a log that names an error, or else the last. */
function lastWords(path: string): string | undefined {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1)
}
