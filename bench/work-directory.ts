import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const PREFIX = '.fairlead-bench-'
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Makes a directory on the disk that is measured; it goes with this process, a signal that ends it included. What a
 * killed process has left there goes first.
 */
export function workDirectory(parent: string): string {
  for (const name of readdirSync(resolve(parent))) {
    const pid = new RegExp(`^\\${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true })
  }
  const directory = mkdtempSync(join(resolve(parent), `${PREFIX}${process.pid}-`))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(code))
  return directory
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
