import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { unless } from '../../base/unless.ts'
import type { VolumeFile } from './volume-files.ts'

const MISSING = ['ENOENT', 'ENOTDIR']
const DATA = '..data'

/** Who owns the files beside their user. */
export interface FileOwner {
  readonly gid?: number
}

/**
 * Writes the files of a volume so that a program sees all old or all new ones: they are in a directory that the link
 * `..data` names, and each first part of a path is a link into that (as upstream's AtomicWriter).
 *
 * @param stamp Names the new directory; differs from that of the last time.
 * @returns Whether anything was changed.
 */
export function writeFilesAtomically(
  directory: string,
  files: readonly VolumeFile[],
  { stamp, gid }: FileOwner & { readonly stamp: string },
): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const present = currentDirectory(directory)
  if (present !== undefined && isSame(join(directory, present), files)) return false
  const name = `..${stamp}`
  writeAll(join(directory, name), files, gid)
  rmSync(join(directory, '..data_tmp'), { force: true })
  symlinkSync(name, join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, DATA))
  linkNames(directory, new Set(files.map(({ path }) => firstPart(path))))
  if (present !== undefined && present !== name) rmSync(join(directory, present), { recursive: true, force: true })
  return true
}

function writeAll(directory: string, files: readonly VolumeFile[], gid: number | undefined): void {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  for (const { path, data, mode, uid } of files) {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, data)
    if (uid !== undefined || gid !== undefined) chownSync(file, uid ?? 0, gid ?? 0)
    // The group that a pod shares may read what its owner may.
    chmodSync(file, gid === undefined ? mode : mode | 0o440)
  }
}

function linkNames(directory: string, names: ReadonlySet<string>): void {
  for (const entry of readdirSync(directory)) {
    if (!entry.startsWith('..') && !names.has(entry)) rmSync(join(directory, entry), { recursive: true, force: true })
  }
  for (const name of names) {
    const link = join(directory, name)
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(join(DATA, name), link)
  }
}

function isSame(directory: string, files: readonly VolumeFile[]): boolean {
  if (listFiles(directory, '').length !== files.length) return false
  return files.every(({ path, data }) => {
    const present = unless(MISSING, () => readFileSync(join(directory, path)))
    return present?.equals(data) === true
  })
}

function listFiles(directory: string, below: string): string[] {
  const entries = unless(MISSING, () => readdirSync(join(directory, below), { withFileTypes: true })) ?? []
  return entries.flatMap((entry) => {
    const path = join(below, entry.name)
    return entry.isDirectory() ? listFiles(directory, path) : [path]
  })
}

function currentDirectory(directory: string): string | undefined {
  return unless(MISSING, () => readlinkSync(join(directory, DATA)))
}

function firstPart(path: string): string {
  return path.split('/')[0] ?? path
}
