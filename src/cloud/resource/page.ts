import type { Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'

/** A page by number, as most calls have it. */
export interface NumberedPage<T> {
  readonly items: readonly T[]
  readonly PageNumber: number
  readonly PageSize: number
  readonly TotalCount: number
}

/** Cuts out the page that `PageNumber` (from 1) and `PageSize` ask for. */
export function pageByNumber<T>(
  items: readonly T[],
  parameters: Parameters,
  sizes = { default: 10, max: 100 },
): NumberedPage<T> {
  const PageNumber = parameters.integer('PageNumber', { min: 1, max: 1_000_000 }) ?? 1
  const PageSize = parameters.integer('PageSize', { min: 1, max: sizes.max }) ?? sizes.default
  const start = (PageNumber - 1) * PageSize
  return { items: items.slice(start, start + PageSize), PageNumber, PageSize, TotalCount: items.length }
}

/** A page by token. */
export interface TokenPage<T> {
  readonly items: readonly T[]
  readonly MaxResults: number
  /** Absent on the last page. */
  readonly NextToken?: string
  readonly TotalCount: number
}

/**
 * Cuts out the page that `NextToken` and `MaxResults` ask for. The token is the key of the page's last item, so pages
 * neither repeat nor miss an item that is there all the time. `items` must be sorted by `keyOf`.
 */
export function pageByToken<T>(
  items: readonly T[],
  parameters: Parameters,
  {
    keyOf,
    sizes = { default: 20, max: 100 },
  }: { keyOf: (item: T) => string; sizes?: { default: number; max: number } },
): TokenPage<T> {
  const MaxResults = parameters.integer('MaxResults', { min: 1, max: sizes.max }) ?? sizes.default
  const after = decodeToken(parameters.string('NextToken'))
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after)
  const page = rest.slice(0, MaxResults)
  const last = page.at(-1)
  const more = rest.length > page.length && last !== undefined
  const next = more ? { NextToken: Buffer.from(keyOf(last)).toString('base64url') } : {}
  return { items: page, MaxResults, TotalCount: items.length, ...next }
}

function decodeToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined
  const key = Buffer.from(token, 'base64url').toString('utf8')
  if (Buffer.from(key).toString('base64url') === token) return key
  throw new Refusal(
    'InvalidParameter.NextToken',
    `The NextToken '${token.slice(0, 80)}' was not given out by this API.`,
  )
}
