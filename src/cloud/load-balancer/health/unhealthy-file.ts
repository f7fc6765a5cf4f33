/** Which backends do not answer their health checks, on disk: for the next process, and for who only looks. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeRunFile } from '../../../base/atomic-file.ts'
import { unless } from '../../../base/unless.ts'
import type { ListenerPlan } from '../plan.ts'

const FILE = 'unhealthy.json'

/** How the health of a listener's backend is kept: `<listener's key> <backend's key>`. */
export function healthKey({ key }: Pick<ListenerPlan, 'key'>, backend: string): string {
  return `${key} ${backend}`
}

/** None where nobody has written. */
export function readUnhealthy(directory: string): string[] {
  const text = unless(['ENOENT'], () => readFileSync(join(directory, FILE), 'utf8'))
  return text === undefined ? [] : (JSON.parse(text) as string[])
}

export function writeUnhealthy(directory: string, keys: readonly string[]): void {
  writeRunFile(join(directory, FILE), JSON.stringify(keys))
}

export function removeUnhealthy(directory: string): void {
  rmSync(join(directory, FILE), { force: true })
}
