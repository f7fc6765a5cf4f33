import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemErrorCode } from '../../src/base/error.ts'

/** One kubectl of this machine. */
export interface KubectlProgram {
  readonly path: string
  /** 33 for 1.33; of a program that chooses another by the server's version, the one it has chosen. */
  readonly minor: number
  /** Why it was chosen. */
  readonly role: 'own' | 'oldest' | 'promised' | 'newest'
}

/** Where scripts/setup.mjs unpacks Debian's kubectl, which is older than most. */
const DEBIAN = fileURLToPath(
  new URL('../../node_modules/.cache/fairlead/debian-kubectl/usr/bin/kubectl', import.meta.url),
)
/** Where others bring several versions, as `kubectl.1.33`. */
const WELL_KNOWN = ['/usr/lib/google-cloud-sdk/bin', '/usr/local/google-cloud-sdk/bin', '/opt/google-cloud-sdk/bin']

/** The oldest for which the design promises that it does not notice a difference. */
const PROMISED = 28

/**
 * The machine's own kubectl (the first in PATH), the oldest and the newest that can be had, and the oldest of those that
 * are promised; each program once. Of versions before that only Debian's: 1.27, for one, calls things by other words.
 */
export function findKubectls(path = process.env.PATH ?? ''): readonly KubectlProgram[] {
  const directories = path.split(delimiter)
  const own = directories.map((directory) => join(directory, 'kubectl')).find(isProgram)
  const found = [...(own === undefined ? [] : [own]), DEBIAN].filter(isProgram).flatMap(withVersion)
  const beside = own === undefined ? [] : [dirname(own), dirname(realpathSync(own))]
  for (const directory of new Set([...beside, ...directories, ...WELL_KNOWN])) found.push(...numbered(directory))
  const sorted = [...found].sort((a, b) => a.minor - b.minor)
  const first = found.find((one) => one.path === own)
  const chosen = new Map<string, KubectlProgram>()
  for (const [role, one] of [
    ['own', first],
    ['oldest', sorted[0]],
    ['promised', sorted.find(({ minor }) => minor >= PROMISED)],
    ['newest', sorted.at(-1)],
  ] as const) {
    if (one !== undefined && !chosen.has(realpathSync(one.path))) chosen.set(realpathSync(one.path), { ...one, role })
  }
  return [...chosen.values()]
}

type Found = Omit<KubectlProgram, 'role'>

function numbered(directory: string): readonly Found[] {
  return entries(directory).flatMap((name) => {
    const minor = /^kubectl\.1\.(\d+)$/.exec(name)?.[1]
    const path = join(directory, name)
    return Number(minor) >= PROMISED && isProgram(path) ? [{ path, minor: Number(minor) }] : []
  })
}

function withVersion(path: string): readonly Found[] {
  const { status, stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' })
  const minor = /"minor": "(\d+)/.exec(stdout)?.[1]
  return status === 0 && minor !== undefined ? [{ path, minor: Number(minor) }] : []
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) return []
    throw error
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) return false
    throw error
  }
}
