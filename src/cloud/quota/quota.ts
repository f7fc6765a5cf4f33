import { Refusal } from '../openapi/refusal.ts'
import { collection } from '../state/collection.ts'
import type { Transaction } from '../state/transaction.ts'
import { QUOTAS, type QuotaName } from './quota-names.ts'

/** A limit that was raised for the account. */
export interface QuotaLimit {
  readonly name: QuotaName
  readonly limit: number
}

export const QUOTA_LIMITS = collection<QuotaLimit>('quota.limits')

/** What the account may have now. */
export function quotaLimit(transaction: Pick<Transaction, 'get'>, name: QuotaName): number {
  return transaction.get(QUOTA_LIMITS, name)?.limit ?? QUOTAS[name].limit
}

/** One more thing that counts against a quota. */
export interface QuotaUse {
  /** How many there will be. */
  readonly wanted: number
  /** What holds them, for quotas that count by resource: `lb-…`. */
  readonly holder?: string
  /** @default OperationForbidden.QuotaLimit */
  readonly code?: string
}

/** @throws Refusal that names the quota, the limit and what was wanted */
export function requireQuota(transaction: Pick<Transaction, 'get'>, name: QuotaName, use: QuotaUse): void {
  const limit = quotaLimit(transaction, name)
  if (use.wanted <= limit) return
  const of = use.holder === undefined ? '' : ` of ${use.holder}`
  throw new Refusal(
    use.code ?? 'OperationForbidden.QuotaLimit',
    `The quota ${name} (${QUOTAS[name].meaning}) allows ${limit}${of}; this would make ${use.wanted}. Request more in the Quota Center.`,
  )
}
