import type { Findings } from '../../validation/findings.ts'

const MODE = 'must be a number between 0 and 0777 (octal), both inclusive'

/** A path that does not lead back up (upstream `validatePathNoBacksteps`). */
export function checkNoBacksteps(field: string, path: string, found: Findings): void {
  if (goesBack(path)) found.invalid(field, path, "must not contain '..'")
}

export function goesBack(path: string): boolean {
  return path.includes('..') && path.split('/').includes('..')
}

/** A path below where it is used (upstream `validateLocalDescendingPath`). */
export function checkDescending(field: string, path: string, found: Findings): void {
  if (path.startsWith('/')) found.invalid(field, path, 'must be a relative path')
  checkNoBacksteps(field, path, found)
}

/** The same, and not a name that the kubelet keeps for itself (upstream `ValidateLocalNonReservedPath`). */
export function checkLocalPath(field: string, path: string, found: Findings): void {
  checkDescending(field, path, found)
  // What is above was told already.
  if (path.startsWith('..') && !path.startsWith('../')) found.invalid(field, path, "must not start with '..'")
}

/** Bits of a file's mode. */
export function checkMode(field: string, mode: number | undefined, found: Findings): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) found.invalid(field, mode, MODE)
}
