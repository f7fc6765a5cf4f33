import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeRunFile } from '../base/atomic-file.ts'
import { unless } from '../base/unless.ts'
import { type ProcessIdentity, readProcessIdentity } from '../linux/process.ts'

/**
 * Which processes a cluster consists of, in a directory with a file each: what `status` shows and what `down` ends when
 * nobody is left who started them. A reused process number is never taken for one of ours.
 */
export class ProcessRegister {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Notes a running process under a name; the one before under that name is forgotten. */
  add(name: string, pid: number): void {
    const identity = readProcessIdentity(pid)
    if (identity === undefined) return
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    writeRunFile(join(this.#directory, name), JSON.stringify(identity))
  }

  remove(name: string): void {
    rmSync(join(this.#directory, name), { force: true })
  }

  /** By name; some may have ended. */
  list(): ReadonlyMap<string, ProcessIdentity> {
    const processes = new Map<string, ProcessIdentity>()
    for (const name of this.#names()) {
      const identity = parseIdentity(readFileSync(join(this.#directory, name), 'utf8'))
      if (identity !== undefined) processes.set(name, identity)
    }
    return processes
  }

  #names(): string[] {
    const names = unless(['ENOENT'], () => readdirSync(this.#directory)) ?? []
    return names.filter((name) => !name.endsWith('.tmp'))
  }
}

/** Undefined for anything that is not an identity: a file that somebody else put there ends no process. */
function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^\{"pid":(\d+),"startTicks":(\d+)\}$/.exec(text)
  return match === null ? undefined : { pid: Number(match[1]), startTicks: Number(match[2]) }
}
