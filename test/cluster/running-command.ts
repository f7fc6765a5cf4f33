import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const LIMIT_MS = 60_000

/** A command with what it has printed so far. */
export class RunningCommand {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #ended: Promise<Outcome>
  readonly #waiting = new Set<() => void>()
  #outcome: Outcome | undefined
  #stdout = ''
  #stderr = ''

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    this.#child = child
    this.pid = child.pid ?? 0
    child.stdout?.setEncoding('utf8').on('data', (text) => this.#print(() => (this.#stdout += text)))
    child.stderr?.setEncoding('utf8').on('data', (text) => this.#print(() => (this.#stderr += text)))
    this.#ended = this.#untilEnd()
    this.#ended.catch(() => {})
  }

  /** Resolves when it has ended and all its output is here. One that does not end is killed after a minute. */
  async ended(): Promise<Outcome> {
    const limit = setTimeout(() => this.kill('SIGKILL'), LIMIT_MS)
    try {
      return await this.#ended
    } finally {
      clearTimeout(limit)
    }
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  get running(): boolean {
    return this.#outcome === undefined
  }

  /** Resolves when the output so far matches; rejects when the command ends without it, or after a minute. */
  printed(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(check)
        end()
      }
      const fail = (why: string) =>
        settle(() => reject(new Error(`${why} before it printed ${pattern}:\n${this.#stdout}${this.#stderr}`)))
      const check = () => {
        if (pattern.test(this.#stdout) || pattern.test(this.#stderr)) settle(resolve)
        else if (this.#outcome !== undefined)
          fail(`The command ended with ${this.#outcome.code ?? this.#outcome.signal}`)
      }
      const timer = setTimeout(() => fail('A minute went by'), LIMIT_MS)
      this.#waiting.add(check)
      check()
    })
  }

  /** Nobody reads what it prints from now on. */
  closeOutput(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  /** Ends the message channel, as its parent's end would. */
  disconnect(): void {
    this.#child.disconnect()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async #untilEnd(): Promise<Outcome> {
    const { stdout, stderr } = this.#child
    // Not its `close`: with a message channel that was ended here, that never comes.
    const allRead = [stdout, stderr].map((stream) => (stream === null ? undefined : once(stream, 'close')))
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null]
    await Promise.all(allRead)
    const outcome = { code, signal, stdout: this.#stdout, stderr: this.#stderr }
    this.#print(() => {
      this.#outcome = outcome
    })
    return outcome
  }

  #print(change: () => void): void {
    change()
    for (const check of [...this.#waiting]) check()
  }
}
