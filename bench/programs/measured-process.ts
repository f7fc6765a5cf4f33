/** What the kernel says of a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** Ticks of /proc/PID/stat per second (sysconf _SC_CLK_TCK: 100 on every Linux that Node.js runs on). */
const TICKS = 100

export class MeasuredProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #output = ''

  /** Starts a program in a network namespace, without a shell or wrapper that would be measured in its place. */
  constructor(netns: string, command: readonly string[]) {
    // `ip netns exec` replaces itself by the program: the pid stays.
    this.#child = spawn('ip', ['netns', 'exec', netns, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (data: Buffer) => {
      this.#output += data.toString()
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves with what it said when that matches. @throws Error when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match !== null) return match
      this.mustRun()
      await Promise.race([
        once(this.#child.stdout ?? this.#child, 'data'),
        once(this.#child.stderr ?? this.#child, 'data'),
        once(this.#child, 'exit'),
      ])
    }
  }

  /** @throws Error when it ended, with what it said. */
  mustRun(): void {
    if (this.#child.exitCode !== null) throw new Error(`${this.#child.spawnargs.join(' ')} ended: ${this.#output}`)
  }

  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
  }

  /** @param field `VmRSS` now, `VmHWM` at most. */
  memoryMb(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Math.round((Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}
