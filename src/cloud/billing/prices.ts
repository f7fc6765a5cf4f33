import { collection } from '../state/collection.ts'
import type { Transaction } from '../state/transaction.ts'
import { BILLING_ITEMS, type BillingItem, DEFAULT_PRICES, type Price, type PriceTable } from './price-table.ts'

/** What somebody made of a row of the table: another amount, or none. */
interface PriceEdit extends Pick<Price, 'item' | 'variant' | 'from'> {
  /** `undefined`: the row is taken out, and what holds is the row before it, or nothing. */
  readonly amount?: number
}

const EDITS = collection<PriceEdit>('billing.prices')

/** The prices that count: those that were published, as they were edited. */
export function pricesOf(reader: Pick<Transaction, 'list'>): PriceTable {
  const edits = new Map(reader.list(EDITS).map((edit) => [rowKey(edit), edit]))
  const published = DEFAULT_PRICES.prices.filter((price) => !edits.has(rowKey(price)))
  const edited = [...edits.values()].flatMap((edit): Price[] =>
    edit.amount === undefined ? [] : [{ ...edit, amount: edit.amount, unit: BILLING_ITEMS[edit.item] }],
  )
  const prices = [...published, ...edited].sort((a, b) => (rowKey(a) < rowKey(b) ? -1 : 1))
  return { currency: DEFAULT_PRICES.currency, prices }
}

/** Sets a row of the table, or takes it out when there is no amount. */
export function editPrice(transaction: Transaction, edit: PriceEdit): void {
  transaction.put(EDITS, rowKey(edit), edit)
}

function rowKey({ item, variant = '', from }: Pick<Price, 'item' | 'variant' | 'from'>): string {
  return `${item} ${variant} ${from}`
}

/** Whether a word names something that is billed. */
export function isBillingItem(word: string): word is BillingItem {
  return Object.hasOwn(BILLING_ITEMS, word)
}
