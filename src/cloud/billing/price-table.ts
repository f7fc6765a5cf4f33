/**
 * What things cost, with the date from which it holds. A price that nobody published has no row, and bills show it as
 * unknown. Sources: "Pay-as-you-go" of Classic Load Balancer, 2021 and 2024-12 editions, and "NLB billing rules" of
 * 2024-03, in US dollars, China (Hangzhou) region. `prices.ts` keeps what is edited.
 */
export interface Price {
  readonly item: BillingItem
  /** What the price is for: a spec for `spec-fee`; everything otherwise. */
  readonly variant?: string
  /** `2024-12-01`: the first day on which it holds. */
  readonly from: string
  readonly amount: number
  readonly unit: PriceUnit
}

/** What is billed, and by what. */
export const BILLING_ITEMS = {
  'instance-fee': 'hour',
  'public-ip-retention-fee': 'hour',
  'lcu-fee': 'LCU-hour',
  'spec-fee': 'hour',
  'traffic-fee': 'GB',
  'bandwidth-fee': 'Mbps-hour',
  'nlb-instance-fee': 'hour',
  'nlb-lcu-fee': 'LCU-hour',
  'eip-configuration-fee': 'hour',
  'eip-traffic-fee': 'GB',
} as const satisfies Record<string, PriceUnit>

export type BillingItem = keyof typeof BILLING_ITEMS

export type PriceUnit = 'hour' | 'GB' | 'LCU-hour' | 'Mbps-hour'

/** Prices and the currency that all of them are in. */
export interface PriceTable {
  readonly currency: string
  readonly prices: readonly Price[]
}

const SPEC_FEES: readonly (readonly [string, number])[] = [
  ['slb.s1.small', 0],
  ['slb.s2.small', 0.05],
  ['slb.s2.medium', 0.1],
  ['slb.s3.small', 0.2],
  ['slb.s3.medium', 0.31],
  ['slb.s3.large', 0.51],
]

export const DEFAULT_PRICES: PriceTable = {
  currency: 'USD',
  prices: [
    { item: 'instance-fee', from: '2024-12-01', amount: 0.021, unit: 'hour' },
    { item: 'public-ip-retention-fee', from: '2021-01-01', amount: 0.003, unit: 'hour' },
    ...SPEC_FEES.map(
      ([variant, amount]) => ({ item: 'spec-fee', variant, from: '2021-01-01', amount, unit: 'hour' }) as const,
    ),
    { item: 'traffic-fee', from: '2021-01-01', amount: 0.125, unit: 'GB' },
    { item: 'bandwidth-fee', variant: '1-5', from: '2021-01-01', amount: 0.006, unit: 'Mbps-hour' },
    { item: 'bandwidth-fee', variant: 'above-5', from: '2021-01-01', amount: 0.02, unit: 'Mbps-hour' },
    { item: 'nlb-instance-fee', from: '2023-10-01', amount: 0.02, unit: 'hour' },
  ],
}

/** The price that holds at a time (milliseconds since the epoch); `undefined` when it is unknown. */
export function priceAt(table: PriceTable, wanted: Pick<Price, 'item' | 'variant'>, time: number): Price | undefined {
  return table.prices
    .filter((price) => price.item === wanted.item && price.variant === wanted.variant && Date.parse(price.from) <= time)
    .sort((a, b) => (a.from < b.from ? 1 : -1))[0]
}
