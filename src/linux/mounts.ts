import { readFileSync } from 'node:fs'
import { isErrno, MNT_DETACH, umount } from './libc.ts'

/** A line of /proc/PID/mountinfo (proc(5)). */
export interface Mount {
  readonly id: number
  readonly parent: number
  /** The directory of the file system that is seen at `target`. */
  readonly root: string
  readonly target: string
  /** `overlay`, `tmpfs`, `nsfs`, ... */
  readonly type: string
  readonly source: string
  /** Options of the file system, such as `rw` and `lowerdir=...`. */
  readonly options: readonly string[]
}

/** What is mounted in this process's mount namespace, in the order of mounting. */
export function listMounts(): Mount[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/** Mounts at `path` and below it, those first that must go first. */
export function mountsBelow(path: string, mounts: readonly Mount[] = listMounts()): Mount[] {
  const prefix = path === '/' ? '/' : `${path}/`
  return mounts
    .filter((mount) => mount.target === path || mount.target.startsWith(prefix))
    .sort((a, b) => depth(b.target) - depth(a.target) || mounts.indexOf(b) - mounts.indexOf(a))
}

/**
 * Unmounts `path` and everything below. What is in use goes out of sight at once and away when it is no longer used.
 *
 * @returns How many mounts there were.
 */
export function unmountTree(path: string): number {
  const found = mountsBelow(path)
  for (const mount of found) unmountOne(mount.target)
  return found.length
}

export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? [])
}

function parseLine(line: string): Mount | undefined {
  const [place, fileSystem] = line.split(' - ')
  if (place === undefined || fileSystem === undefined) return undefined
  const [id, parent, , root, target] = place.split(' ')
  const [type, source, options] = fileSystem.split(' ')
  return {
    id: Number(id),
    parent: Number(parent),
    root: unescapeOctal(root ?? ''),
    target: unescapeOctal(target ?? ''),
    type: type ?? '',
    source: unescapeOctal(source ?? ''),
    options: (options ?? '').split(','),
  }
}

/** Space, tab, newline and backslash stand as `\040`, `\011`, `\012`, `\134`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

function depth(path: string): number {
  return path === '/' ? 0 : path.split('/').length
}

function unmountOne(target: string): void {
  try {
    umount(target, MNT_DETACH)
  } catch (error) {
    // Gone in the meantime: unmounted by another, or with the mount that it was below.
    if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error
  }
}
