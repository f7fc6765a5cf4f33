import type { StdioOptions } from 'node:child_process'
import { join } from 'node:path'
import { type Outcome, RunningCommand } from '../cluster/running-command.ts'
import { startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'

/** A cluster with real pods, and the machine's kubectl for it. */
export class PodCluster implements AsyncDisposable {
  readonly traffic: TrafficCluster
  readonly environment: NodeJS.ProcessEnv

  static async start(): Promise<PodCluster> {
    return new PodCluster(await startTrafficCluster({ nodes: 2 }))
  }

  private constructor(traffic: TrafficCluster) {
    this.traffic = traffic
    const { PATH } = process.env
    this.environment = { PATH, HOME: traffic.directory, KUBECONFIG: traffic.cluster.layout.kubeconfig }
  }

  /** Starts `kubectl ARGS`; nothing is typed unless `stdin` says what. */
  start(
    args: readonly string[],
    { stdin, env = {} }: { stdin?: string; env?: NodeJS.ProcessEnv } = {},
  ): RunningCommand {
    const environment = { ...this.environment, ...env }
    if (stdin === undefined) return new RunningCommand('kubectl', args, { env: environment })
    // A file ends where it ends, unlike a pipe of this process.
    const script = `printf %s "$INPUT" | exec kubectl "$@"`
    return new RunningCommand('/bin/sh', ['-c', script, 'sh', ...args], { env: { ...environment, INPUT: stdin } })
  }

  run(args: readonly string[], options: { stdin?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Outcome> {
    return this.start(args, options).ended()
  }

  /** Runs a line of shell on a terminal of its own. */
  onTerminal(line: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
    const environment = { ...this.environment, ...env, LINE: line }
    // Nothing is typed, but that is not the end of what could be.
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe']
    const script = 'exec script -qec "$LINE" /dev/null'
    return new RunningCommand('/bin/sh', ['-c', script], { env: environment, stdio }).ended()
  }

  /** What a command that must succeed prints. */
  async show(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }

  /** What a command that must fail says. */
  async fail(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} ended well: ${stdout}`)
    return stderr.trim()
  }

  /** A place for files of the test. */
  path(name: string): string {
    return join(this.traffic.directory, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.traffic[Symbol.asyncDispose]()
  }
}
