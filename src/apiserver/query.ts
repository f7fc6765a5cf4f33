import type { WriteSettings } from './object-storage.ts'
import { badRequest } from './status-error.ts'

/** `true`, `1` or an empty value switch a flag on. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value === 'true' || value === '1' || value === ''
}

/** A whole number of at least 0. @throws StatusError for anything else. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw badRequest(`invalid value for query parameter ${name}: ${JSON.stringify(text)} is no whole number`)
}

/** How a write is to be done. */
export function writeSettings(query: URLSearchParams): WriteSettings {
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  if (dryRun.some((value) => value !== 'All')) {
    throw badRequest(`invalid value for query parameter dryRun: ${JSON.stringify(dryRun)}, supported values: "All"`)
  }
  return { dryRun: dryRun.length > 0 }
}
