import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command with what it has printed so far. */
export class RunningCommand {
  readonly pid: number
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<Outcome>
  readonly #child: ChildProcess
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
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        this.#print(() => {
          this.#outcome = { code, signal, stdout: this.#stdout, stderr: this.#stderr }
        })
        resolve(this.#outcome as Outcome)
      })
    })
    this.ended.catch(() => {})
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
      const timer = setTimeout(() => fail('A minute went by'), 60_000)
      this.#waiting.add(check)
      check()
    })
  }

  /** Nobody reads what it prints from now on. */
  closeOutput(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  #print(change: () => void): void {
    change()
    for (const check of [...this.#waiting]) check()
  }
}
