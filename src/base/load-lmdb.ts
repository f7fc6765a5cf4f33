import { createRequire } from 'node:module'

/**
 * Loading LMDB takes longer than all else that opening an empty database does, so only who opens one pays for it, and by
 * require(): the CommonJS build is one file, and takes two thirds of the time.
 */
export function loadLmdb(): typeof import('lmdb') {
  return createRequire(import.meta.url)('lmdb')
}
