import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeRunFile } from '../../../base/atomic-file.ts'
import type { Clock } from '../../../base/clock.ts'
import { FairleadError } from '../../../base/error.ts'
import type { Log } from '../../../base/log.ts'
import { unless } from '../../../base/unless.ts'
import type { ListenerTraffic } from '../plan.ts'
import {
  compileHaproxy,
  type HaproxyProgram,
  type ProxiedListener,
  proxyName,
  type ServerState,
} from './compile-haproxy.ts'
import { HaproxyMaster } from './haproxy-master.ts'
import { parseStat } from './haproxy-socket.ts'

export interface Layer7Options {
  readonly netns: string
  /** Survives this process. */
  readonly directory: string
  /** Where connections to backends come from. */
  readonly source: string
  readonly clock: Clock
  readonly log: Log
}

/** What is kept beside the configuration for the next process. */
interface Kept {
  readonly skeleton: string
  readonly slots: readonly (readonly [string, readonly (string | null)[]])[]
  /** What workers before the present one counted, by listener. */
  readonly counted: readonly (readonly [string, Counted])[]
}

interface Counted {
  readonly connections: number
  readonly requests: number
  readonly inBytes: number
  readonly outBytes: number
}

const NOTHING_COUNTED: Counted = { connections: 0, requests: 0, inBytes: 0, outBytes: 0 }

/** The listeners that HAProxy carries. */
export class Layer7Listeners implements Disposable {
  readonly #options: Layer7Options
  readonly #master: HaproxyMaster
  #program: HaproxyProgram | undefined
  #skeleton: string
  #slots: Map<string, readonly (string | undefined)[]>
  #counted: Map<string, Counted>
  /** Pending ends of sessions, by server and backend. */
  readonly #drains = new Map<string, () => void>()
  /** What the worker was told of its servers; undefined in a process that did not tell it anything yet. */
  #servers: Map<string, ServerState> | undefined

  constructor(options: Layer7Options) {
    this.#options = options
    this.#master = new HaproxyMaster(options)
    const kept = readKept(join(options.directory, 'kept.json'))
    this.#skeleton = this.#master.running ? kept.skeleton : ''
    this.#slots = new Map(kept.slots.map(([key, slots]) => [key, slots.map((one) => one ?? undefined)]))
    this.#counted = new Map(kept.counted)
  }

  /** Whether HAProxy runs as it should: it has listeners, and is alive. */
  get sound(): boolean {
    return this.#program === undefined || this.#master.running
  }

  /**
   * Makes these all the listeners; connections of those that stay are not touched.
   *
   * @returns Why some could not be carried, by listener's key; the others are.
   * @throws FairleadError `MISSING_TOOL`, `PROCESS_FAILED`
   */
  async apply(listeners: readonly ProxiedListener[]): Promise<ReadonlyMap<string, string>> {
    if (listeners.length === 0 && !this.#master.running) return NO_PROBLEMS
    const program = this.#compile(listeners)
    this.#writeFiles(program)
    const complaint = this.#isReload(program) ? await this.#master.check(program.text) : undefined
    if (complaint === undefined) {
      await this.#take(program)
      for (const one of listeners) this.#drain(one)
      return NO_PROBLEMS
    }
    const problems = await this.#findCulprits(listeners)
    if (problems.size === 0) {
      throw new FairleadError('PROCESS_FAILED', `HAProxy does not take its configuration: ${complaint}`)
    }
    const others = listeners.filter(({ listener }) => !problems.has(listener.key))
    const more = await this.apply(others)
    return new Map([...problems, ...more])
  }

  #compile(listeners: readonly ProxiedListener[]): HaproxyProgram {
    const { directory, source } = this.#options
    return compileHaproxy(listeners, { directory, source, slots: this.#slots })
  }

  /** Whether it takes another worker, or only words to the present one. */
  #isReload(program: HaproxyProgram): boolean {
    return program.skeleton !== this.#skeleton || !this.#master.running
  }

  /** Listeners that HAProxy does not take, each looked at alone. */
  async #findCulprits(listeners: readonly ProxiedListener[]): Promise<Map<string, string>> {
    const problems = new Map<string, string>()
    for (const one of listeners) {
      const complaint = await this.#master.check(this.#compile([one]).text)
      if (complaint !== undefined) problems.set(one.listener.key, complaint)
    }
    return problems
  }

  async #take(program: HaproxyProgram): Promise<void> {
    if (this.#isReload(program)) await this.#runAnew(program)
    else {
      this.#master.write(program.text)
      await this.#tellServers(program)
    }
    this.#servers = new Map(program.servers)
    this.#program = program
    this.#slots = new Map(program.slots)
    this.#skeleton = program.skeleton
    this.#keep()
    this.#removeFiles(program)
  }

  /** Counted since the listener is there, by its key. */
  async traffic(): Promise<Map<string, ListenerTraffic>> {
    const now = this.#master.running ? await this.#count() : new Map<string, Counted & { active: number }>()
    const keys = this.#program?.names.values() ?? []
    return new Map([...keys].map((key) => [key, trafficOf(this.#counted.get(key), now.get(key))]))
  }

  /** Forgets what was to be done later; HAProxy goes on. */
  [Symbol.dispose](): void {
    for (const cancel of this.#drains.values()) cancel()
    this.#drains.clear()
  }

  /** Ends all of it. */
  async remove(): Promise<void> {
    await this.#master.stop()
    rmSync(this.#options.directory, { recursive: true, force: true })
  }

  /** With connection drain, sessions to a backend that does not serve any more end after the time. */
  #drain({ listener, serving }: ProxiedListener): void {
    const seconds = listener.layer4?.connectionDrainTimeout
    for (const [slot, occupant] of (this.#slots.get(listener.key) ?? []).entries()) {
      if (occupant === undefined) continue
      const server = `${proxyName(listener.key)}/s${slot + 1}`
      const name = `${server} ${occupant}`
      if (serving.has(occupant) || seconds === undefined) {
        this.#drains.get(name)?.()
        this.#drains.delete(name)
      } else if (!this.#drains.has(name)) {
        const end = () => this.#endSessions(server, () => this.#slots.get(listener.key)?.[slot] === occupant)
        this.#drains.set(name, this.#options.clock.after(seconds * 1000, end))
      }
    }
  }

  #endSessions(server: string, stillThere: () => boolean): void {
    if (!stillThere() || this.#servers?.get(server)?.serving !== false) return
    this.#master.ask([`shutdown sessions server ${server}`]).catch((error: unknown) => {
      this.#options.log.error({ err: error, server }, 'sessions of a drained backend could not be ended')
    })
  }

  async #runAnew(program: HaproxyProgram): Promise<void> {
    // A new worker counts from 0.
    if (this.#master.running) this.#counted = addAll(this.#counted, await this.#count())
    this.#master.write(program.text)
    await this.#master.run()
  }

  async #tellServers(program: HaproxyProgram): Promise<void> {
    const before = this.#servers ?? parseServersState(await this.#master.ask(['show servers state']))
    const commands = [...program.servers].flatMap(([server, state]) => commandsFor(server, state, before.get(server)))
    // All in one line would be longer than what the socket reads at once.
    for (let at = 0; at < commands.length; at += COMMANDS_PER_LINE) {
      const answer = await this.#master.ask(commands.slice(at, at + COMMANDS_PER_LINE))
      if (REFUSALS.test(answer)) throw new FairleadError('PROCESS_FAILED', `HAProxy refused a change: ${answer.trim()}`)
    }
  }

  async #count(): Promise<Map<string, Counted & { readonly active: number }>> {
    const rows = parseStat(await this.#master.ask(['show stat -1 1 -1']))
    const names = this.#program?.names ?? new Map<string, string>()
    return new Map(
      rows.flatMap((row) => {
        const key = names.get(row.get('pxname') ?? '')
        const number = (column: string) => Number(row.get(column) ?? 0)
        if (key === undefined) return []
        const counted = {
          connections: number('conn_tot'),
          requests: number('req_tot'),
          inBytes: number('bin'),
          outBytes: number('bout'),
          active: number('scur'),
        }
        return [[key, counted] as const]
      }),
    )
  }

  #writeFiles({ files }: HaproxyProgram): void {
    for (const [name, content] of files) {
      const path = join(this.#options.directory, name)
      if (!existsSync(path)) writeRunFile(path, content)
    }
  }

  /** What the present configuration does not refer to: it was read when its worker started. */
  #removeFiles({ files }: HaproxyProgram): void {
    for (const name of readdirSync(this.#options.directory)) {
      if (/\.(pem|acl|crt-list)$/.test(name) && !files.has(name)) rmSync(join(this.#options.directory, name))
    }
  }

  #keep(): void {
    const counted = [...this.#counted].filter(([key]) => this.#slots.has(key))
    this.#counted = new Map(counted)
    const slots = [...this.#slots].map(([key, own]) => [key, own.map((one) => one ?? null)] as const)
    const kept: Kept = { skeleton: this.#skeleton, slots, counted }
    writeRunFile(join(this.#options.directory, 'kept.json'), JSON.stringify(kept))
  }
}

const NO_PROBLEMS: ReadonlyMap<string, string> = new Map()
const COMMANDS_PER_LINE = 50
const REFUSALS = /No such|Require|Invalid|refus|can't|cannot|unknown|not allowed/i

/** What to say so that a server becomes this. Sessions that it has go on as they are. */
export function commandsFor(server: string, state: ServerState, before: ServerState | undefined): string[] {
  const commands: string[] = []
  if (before?.address !== state.address || before.port !== state.port) {
    commands.push(`set server ${server} addr ${state.address} port ${state.port}`)
  }
  if (before?.weight !== state.weight) commands.push(`set server ${server} weight ${state.weight}`)
  if (before?.serving !== state.serving) {
    commands.push(`set server ${server} state ${state.serving ? 'ready' : 'maint'}`)
  }
  return commands
}

/** `show servers state`, version 1 (management.txt, section 9.3). */
export function parseServersState(text: string): Map<string, ServerState> {
  const lines = text.split('\n')
  const names = (lines.find((line) => line.startsWith('# ')) ?? '').slice(2).split(' ')
  const rows = lines.filter((line) => /^\d+ \S+ \d+ /.test(line)).map((line) => line.split(' '))
  return new Map(
    rows.map((row) => {
      const field = (name: string) => row[names.indexOf(name)] ?? ''
      const state = {
        address: field('srv_addr'),
        port: Number(field('srv_port')),
        weight: Number(field('srv_uweight')),
        serving: Number(field('srv_admin_state')) === 0,
      }
      return [`${field('be_name')}/${field('srv_name')}`, state] as const
    }),
  )
}

function trafficOf(before: Counted = NOTHING_COUNTED, now?: Counted & { readonly active: number }): ListenerTraffic {
  const sum = add(before, now ?? NOTHING_COUNTED)
  return {
    newConnections: BigInt(sum.connections),
    activeConnections: BigInt(now?.active ?? 0),
    inBytes: BigInt(sum.inBytes),
    outBytes: BigInt(sum.outBytes),
    requests: BigInt(sum.requests),
  }
}

function add(a: Counted, b: Counted): Counted {
  return {
    connections: a.connections + b.connections,
    requests: a.requests + b.requests,
    inBytes: a.inBytes + b.inBytes,
    outBytes: a.outBytes + b.outBytes,
  }
}

function addAll(before: ReadonlyMap<string, Counted>, now: ReadonlyMap<string, Counted>): Map<string, Counted> {
  const sum = new Map(before)
  for (const [key, counted] of now) sum.set(key, add(sum.get(key) ?? NOTHING_COUNTED, counted))
  return sum
}

function readKept(path: string): Kept {
  const text = unless(['ENOENT'], () => readFileSync(path, 'utf8'))
  return text === undefined ? { skeleton: '', slots: [], counted: [] } : (JSON.parse(text) as Kept)
}
