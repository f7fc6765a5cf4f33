import { systemErrorCode } from './error.ts'

/** What `run` returns; `undefined` when the system refuses with one of the codes (`ENOENT`, ...). All else is thrown. */
export function unless<T>(codes: readonly string[], run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (codes.includes(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}
