import { execFile, type SpawnOptions } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeRunFile } from '../../../base/atomic-file.ts'
import type { Clock } from '../../../base/clock.ts'
import { errorMessage, FairleadError, systemErrorCode } from '../../../base/error.ts'
import { unless } from '../../../base/unless.ts'
import { isAlive, killProcess, type ProcessIdentity, readProcessIdentity, spawnIn } from '../../../linux/process.ts'
import { findHaproxy } from './find-haproxy.ts'
import { askHaproxy, MASTER_SOCKET, parseWorkers, RUNTIME_SOCKET } from './haproxy-socket.ts'

const POLL_MS = 5
const START_TIMEOUT_MS = 10_000

export interface HaproxyMasterOptions {
  /** Namespace that it listens in. */
  readonly netns: string
  /** Its own: configuration, sockets, log, who it is. Survives this process. */
  readonly directory: string
  readonly clock: Clock
}

/**
 * One HAProxy: a master that outlives this process, and a worker that carries traffic. A reload starts another worker,
 * which takes over the listening sockets; the old one goes when its last connection has ended. A master that runs
 * already is taken over by its number and start time.
 */
export class HaproxyMaster {
  readonly #options: HaproxyMasterOptions
  #identity: ProcessIdentity | undefined

  constructor(options: HaproxyMasterOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    this.#identity = readIdentity(this.#path('haproxy.json'))
  }

  /** Whether it runs now. */
  get running(): boolean {
    return this.#identity !== undefined && isAlive(this.#identity)
  }

  /**
   * Whether a configuration is one that HAProxy takes.
   *
   * @returns What it says against it; undefined when nothing.
   * @throws FairleadError `MISSING_TOOL`
   */
  check(text: string): Promise<string | undefined> {
    const command = findHaproxy()
    const path = this.#path('check.cfg')
    writeFileSync(path, text, { mode: 0o600 })
    return new Promise((resolve) => {
      execFile(command, ['-c', '-q', '-f', path], (error, _stdout, stderr) => {
        resolve(error === null ? undefined : complaints(stderr) || errorMessage(error))
      })
    })
  }

  /** What it would start with. */
  write(text: string): void {
    writeRunFile(this.#path('haproxy.cfg'), text)
  }

  /**
   * Runs the configuration that was written last: starts, or reloads without dropping a connection.
   *
   * @throws FairleadError `MISSING_TOOL`, `PROCESS_FAILED`
   */
  async run(): Promise<void> {
    if (this.running) await this.#reload()
    else await this.#start()
  }

  /** Asks the worker. */
  ask(commands: readonly string[]): Promise<string> {
    return askHaproxy(this.#options.directory, RUNTIME_SOCKET, commands)
  }

  /** Ends master and workers with all their connections. */
  async stop(): Promise<void> {
    const identity = this.#identity
    this.#identity = undefined
    if (identity !== undefined) {
      killProcess(identity, 'SIGTERM')
      for (let waited = 0; isAlive(identity); waited += POLL_MS) {
        if (waited === START_TIMEOUT_MS) killProcess(identity, 'SIGKILL')
        await this.#options.clock.sleep(POLL_MS)
      }
    }
    rmSync(this.#path('haproxy.json'), { force: true })
  }

  async #start(): Promise<void> {
    const { netns, directory, clock } = this.#options
    // Sockets are named from the directory that it runs in: their addresses hold 108 bytes (unix(7)).
    const args = ['-W', '-S', `unix@${MASTER_SOCKET}`, '-f', this.#path('haproxy.cfg')]
    const log = openSync(this.#path('haproxy.log'), 'w', 0o600)
    try {
      const options: SpawnOptions = { cwd: directory, detached: true, stdio: ['ignore', log, log] }
      const child = spawnIn(netns, findHaproxy(), args, options)
      child.unref()
      const identity = child.pid === undefined ? undefined : readProcessIdentity(child.pid)
      if (identity === undefined) throw this.#failure('HAProxy did not start')
      this.#identity = identity
      writeRunFile(this.#path('haproxy.json'), JSON.stringify(identity))
    } finally {
      closeSync(log)
    }
    await this.#until(clock.now() + START_TIMEOUT_MS, async () => (await this.ask(['show info'])).includes('Pid:'))
  }

  async #reload(): Promise<void> {
    const before = await this.#workers()
    if (this.#identity !== undefined) killProcess(this.#identity, 'SIGUSR2')
    await this.#until(this.#options.clock.now() + START_TIMEOUT_MS, async () => {
      const { current, old } = await this.#workers()
      if (!current.some((pid) => !before.current.includes(pid))) return false
      const former = old.filter((pid) => before.current.includes(pid))
      const stopping = await Promise.all(former.map((pid) => this.#isStopping(pid)))
      return stopping.every(Boolean)
    })
  }

  /** Whether a worker takes no new connections: for a moment after a reload the old one does. */
  async #isStopping(pid: number): Promise<boolean> {
    const info = await askHaproxy(this.#options.directory, MASTER_SOCKET, [`@!${pid} show info`])
    // One that has ended tells nothing.
    return !/^Stopping: 0$/m.test(info)
  }

  async #workers() {
    return parseWorkers(await askHaproxy(this.#options.directory, MASTER_SOCKET, ['show proc']))
  }

  /** Asks again until it holds: the master is deaf while it starts itself anew. */
  async #until(deadline: number, holds: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      try {
        if (await holds()) return
      } catch (error) {
        if (!isDeaf(error)) throw error
      }
      if (!this.running) throw this.#failure('HAProxy ended')
      if (clock.now() > deadline) throw this.#failure('HAProxy did not take its configuration in time')
      await clock.sleep(POLL_MS)
    }
  }

  #failure(what: string): FairleadError {
    const log = readFileSync(this.#path('haproxy.log'), 'utf8').slice(-4096)
    return new FairleadError('PROCESS_FAILED', `${what}: ${complaints(log) || 'it did not say why'}`)
  }

  #path(name: string): string {
    return join(this.#options.directory, name)
  }
}

function readIdentity(path: string): ProcessIdentity | undefined {
  const text = unless(['ENOENT'], () => readFileSync(path, 'utf8'))
  if (text === undefined) return undefined
  const { pid, startTicks } = JSON.parse(text) as ProcessIdentity
  return { pid, startTicks }
}

function isDeaf(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAGAIN'].includes(systemErrorCode(error) ?? '')
}

/** The alerts among HAProxy's lines. */
function complaints(text: string): string {
  return text
    .split('\n')
    .flatMap((line) => /^\[ALERT\]\s+\(\d+\) : (.*)$/.exec(line)?.[1] ?? [])
    .join('; ')
}
