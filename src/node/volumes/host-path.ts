import { mkdirSync, type Stats, statSync, writeFileSync } from 'node:fs'

const DIRECTORY_MODE = 0o755
const FILE_MODE = 0o644

interface Check {
  readonly is: (stats: Stats) => boolean
  readonly name: string
}

const CHECKS: Readonly<Record<string, Check>> = {
  DirectoryOrCreate: { is: (stats) => stats.isDirectory(), name: 'directory' },
  Directory: { is: (stats) => stats.isDirectory(), name: 'directory' },
  FileOrCreate: { is: (stats) => stats.isFile(), name: 'file' },
  File: { is: (stats) => stats.isFile(), name: 'file' },
  Socket: { is: (stats) => stats.isSocket(), name: 'socket file' },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), name: 'character device' },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), name: 'block device' },
}

/**
 * Makes sure that a path of the machine is what a `hostPath` volume says; makes it where that is asked for.
 *
 * @returns Why it is not, in upstream's words; `undefined` when it is.
 */
export function hostPathProblem({
  path,
  type = '',
}: {
  readonly path: string
  readonly type?: string
}): string | undefined {
  if (!path.startsWith('/') || path.split('/').includes('..'))
    return `hostPath "${path}" must be absolute and without ".."`
  const check = CHECKS[type]
  const stats = statSync(path, { throwIfNoEntry: false })
  if (type === '') {
    // What is not there becomes a directory, as runtimes do.
    if (stats === undefined) mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
    return undefined
  }
  if (check === undefined) return `unknown hostPath type "${type}"`
  if (stats !== undefined)
    return check.is(stats) ? undefined : `hostPath type check failed: ${path} is not a ${check.name}`
  if (type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
  else if (type === 'FileOrCreate') writeFileSync(path, '', { flag: 'wx', mode: FILE_MODE })
  else return `hostPath type check failed: ${path} is not a ${check.name}`
  return undefined
}
