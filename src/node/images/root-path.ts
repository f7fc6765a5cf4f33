import { lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { unless } from '../../base/unless.ts'

export type RootPath =
  | { readonly kind: 'file' | 'directory' | 'other'; readonly path: string }
  /** The last part does not exist; its directory does. */
  | { readonly kind: 'missing'; readonly path: string }

const MAX_LINKS = 40

/**
 * Finds a path as a process would see it whose root is `root`: links are followed inside of it, and `..` never leads
 * out. `undefined` when a directory on the way does not exist or links go in a circle. With `followLast` false, a link
 * as the last part is itself the answer (kind `other`).
 */
export function resolveInRoot(root: string, path: string, followLast = true): RootPath | undefined {
  let pending = parts(path)
  let resolved: string[] = []
  for (let links = 0; pending.length > 0; ) {
    const [part = '', ...rest] = pending
    pending = rest
    if (part === '..') {
      resolved = resolved.slice(0, -1)
      continue
    }
    const here = join(root, ...resolved, part)
    const kind = kindOf(here)
    if (kind === 'link' && (rest.length > 0 || followLast)) {
      if (++links > MAX_LINKS) return undefined
      const target = readlinkSync(here)
      if (target.startsWith('/')) resolved = []
      pending = [...parts(target), ...pending]
      continue
    }
    if (rest.length === 0) return { kind: kind === 'link' ? 'other' : kind, path: here }
    if (kind !== 'directory') return undefined
    resolved.push(part)
  }
  return { kind: 'directory', path: join(root, ...resolved) }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function kindOf(path: string): 'file' | 'directory' | 'link' | 'other' | 'missing' {
  const stat = unless(['ENOENT', 'ENOTDIR'], () => lstatSync(path))
  if (stat === undefined) return 'missing'
  if (stat.isSymbolicLink()) return 'link'
  if (stat.isDirectory()) return 'directory'
  return stat.isFile() ? 'file' : 'other'
}
