import { type StdioOptions, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsAdmin } from '../../src/cluster/admin-access.ts'
import { clusterLayout, type Layout, nodeNetns } from '../../src/cluster/layout.ts'
import { ProcessRegister } from '../../src/cluster/process-register.ts'
import type { Client } from '../../src/kube/client.ts'
import { listNetns, netnsPath } from '../../src/linux/netns.ts'
import { killProcess, type ProcessIdentity } from '../../src/linux/process.ts'
import { podNetns } from '../../src/node/pod-netns.ts'
import { builtPrograms } from './built-programs.ts'
import { poll } from './poll.ts'
import { remainsBelow, remainsOf } from './remains.ts'
import { type Outcome, RunningCommand } from './running-command.ts'

const DOWN_MS = 30_000

const open = new Set<TestHome>()

// A test file that is ended from outside still takes its clusters with it.
process.on('exit', () => {
  for (const home of open) home.removeNow()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

export interface UpOptions {
  /** Added to the name `t<pid>`, so that a test can have several clusters. */
  readonly suffix?: string
  readonly nodes?: number
  readonly args?: readonly string[]
}

/** Directories of the test's own for clusters, and the built command line that works in them. */
export class TestHome implements AsyncDisposable {
  readonly #program = join(builtPrograms(), 'fairlead.js')
  readonly directory = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
  readonly roots = { state: join(this.directory, 'state'), run: join(this.directory, 'run') }
  readonly environment: NodeJS.ProcessEnv = {
    ...process.env,
    FAIRLEAD_STATE_DIR: this.roots.state,
    FAIRLEAD_RUN_DIR: this.roots.run,
    NO_COLOR: '1',
    FORCE_COLOR: '',
  }
  readonly #names = new Set<string>()
  readonly #commands = new Set<RunningCommand>()

  constructor() {
    open.add(this)
  }

  /** A name that no other test's cluster has. */
  name(suffix = ''): string {
    const name = `t${process.pid}${suffix}`
    this.#names.add(name)
    return name
  }

  layout(name: string): Layout {
    return clusterLayout(name, this.roots)
  }

  /** Starts `fairlead ARGS`. */
  start(...args: readonly string[]): RunningCommand {
    return this.#follow(new RunningCommand(process.execPath, [this.#program, ...args], { env: this.environment }))
  }

  /** Starts the program of a member as the supervisor does, without telling it anything. */
  startPart(program: string): RunningCommand {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
    const path = join(builtPrograms(), `${program}.js`)
    return this.#follow(new RunningCommand(process.execPath, [path], { env: this.environment, stdio }))
  }

  /** Runs `fairlead ARGS` to its end. */
  run(...args: readonly string[]): Promise<Outcome> {
    return this.start(...args).ended()
  }

  /** Runs `fairlead ARGS`, which must succeed, and returns what it prints to standard output. */
  async show(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args)
    if (code !== 0) throw new Error(`fairlead ${args.join(' ')} ended with ${code}:\n${stderr}`)
    return stdout
  }

  /** Starts an empty cluster in the foreground and returns when it is ready. */
  async up({ suffix = '', nodes = 3, args = ['--no-demo', '--no-dns'] }: UpOptions = {}): Promise<TestCluster> {
    const name = this.name(suffix)
    const command = this.start('up', '--name', name, '--nodes', String(nodes), '--api-port', '0', ...args)
    await command.printed(/Ctrl-C takes everything down/)
    return TestCluster.connect(this, name, command)
  }

  /** What is left on the machine of any cluster that was started here. */
  remains(): string[] {
    return remainsBelow(this.directory, [...this.#names])
  }

  /** Ends the clusters and makes sure that nothing of them is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await this.show('down', '--name', name)
    const left = this.remains()
    this.#removeFiles()
    if (left.length > 0) throw new Error(`Left behind:\n${left.join('\n')}`)
  }

  /** Ends the clusters when there is no time for more, also those whose own command does not answer. */
  removeNow(): void {
    for (const command of this.#commands) command.kill('SIGKILL')
    for (const name of this.#names) {
      spawnSync(process.execPath, [this.#program, 'down', '--name', name], {
        env: this.environment,
        stdio: 'ignore',
        timeout: DOWN_MS,
      })
    }
    this.#removeFiles()
  }

  #follow(command: RunningCommand): RunningCommand {
    this.#commands.add(command)
    return command
  }

  #removeFiles(): void {
    open.delete(this)
    for (const root of Object.values(this.roots)) spawnSync('umount', ['--quiet', '--lazy', root], { stdio: 'ignore' })
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A cluster that the built command line runs in the foreground, seen from outside. */
export class TestCluster {
  readonly home: TestHome
  readonly name: string
  readonly layout: Layout
  /** `fairlead up` itself. */
  readonly command: RunningCommand
  readonly client: Client
  readonly server: string

  private constructor(
    home: TestHome,
    name: string,
    command: RunningCommand,
    access: Pick<TestCluster, 'client' | 'server'>,
  ) {
    this.home = home
    this.name = name
    this.layout = home.layout(name)
    this.command = command
    this.client = access.client
    this.server = access.server
  }

  static async connect(home: TestHome, name: string, command: RunningCommand): Promise<TestCluster> {
    return new TestCluster(home, name, command, await connectAsAdmin(home.layout(name)))
  }

  /** The processes: `supervisor`, `control-plane`, `node-1`, ... */
  members(): ReadonlyMap<string, ProcessIdentity> {
    return new ProcessRegister(this.layout.processDirectory).list()
  }

  member(name: string): ProcessIdentity {
    const identity = this.members().get(name)
    if (identity === undefined) throw new Error(`There is no ${name} in ${this.layout.processDirectory}`)
    return identity
  }

  get nodes(): readonly string[] {
    return [...this.members().keys()].filter((name) => name.startsWith('node-')).sort()
  }

  /** Kills a member with -9. */
  kill(member: string): ProcessIdentity {
    const identity = this.member(member)
    if (!killProcess(identity, 'SIGKILL')) throw new Error(`${member} has ended already`)
    return identity
  }

  /** Resolves when another process has a member's place. */
  async replaced(member: string, old: ProcessIdentity): Promise<void> {
    await poll(`another process for ${member}`, () => {
      const now = this.members().get(member)
      return now === undefined || now.pid === old.pid ? undefined : now
    })
  }

  /** Keeps the supervisor from starting anything until what it returns is disposed of. */
  holdSupervisor(): Disposable {
    const supervisor = this.member('supervisor')
    killProcess(supervisor, 'SIGSTOP')
    return { [Symbol.dispose]: () => void killProcess(supervisor, 'SIGCONT') }
  }

  /** Kills every process of the cluster but its pods, the supervisor first so that it starts nothing again. */
  async killAll(): Promise<void> {
    this.kill('supervisor')
    for (const member of this.members().keys()) if (member !== 'supervisor') this.kill(member)
    await this.command.ended()
  }

  /** What is on the machine of this cluster alone. */
  remains(others: readonly string[]): string[] {
    return remainsOf([this.name], others)
  }

  /** Paths of the namespaces of all pods. */
  podNamespaces(): string[] {
    const prefix = `fl-${this.name}-pod-`
    return listNetns(prefix).map((name) => netnsPath(name))
  }

  nodeNetns(node: string): string {
    return netnsPath(nodeNetns(this.name, node))
  }

  podNetns(uid: string): string {
    return netnsPath(podNetns(this.name, uid))
  }
}
