import { missing } from '../openapi/parameters.ts'
import type { Action, Call, Product } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByToken } from '../resource/page.ts'
import { type Bill, type BillLine, createBill, groupBill } from './bill.ts'
import { forecastMonth } from './forecast.ts'
import { BILLING_ITEMS } from './price-table.ts'
import { editPrice, isBillingItem, pricesOf } from './prices.ts'
import { USAGE } from './usage.ts'

const ACTIONS: readonly (readonly [string, Action])[] = [
  ['DescribeInstanceBill', describeInstanceBill],
  ['DescribeCosts', describeCosts],
  ['DescribeForecast', describeForecast],
  ['DescribePrices', describePrices],
  ['SetPrice', setPrice],
  ['DeletePrice', deletePrice],
]

/**
 * Bills, BssOpenApi 2017-12-14: `DescribeInstanceBill` as the original has it. The others are this cloud's own: costs by
 * instance, Service or namespace, what a month would cost, and the table of prices, which can be edited.
 */
export const BILLING_PRODUCT: Product = {
  name: 'BssOpenApi',
  version: '2017-12-14',
  ramPrefix: 'bss',
  forbidden: 'NotAuthorized',
  resourceParameters: ['InstanceID'],
  actions: new Map(ACTIONS),
}

/** Bills are made by the clock of China. */
const UTC_OFFSET_MS = 8 * 3_600_000
const CYCLE = { pattern: /^\d{4}-(0[1-9]|1[0-2])$/, wanted: 'a month such as 2026-11' }

function describeInstanceBill(call: Call): object {
  const { parameters } = call
  const bill = billOf(call)
  const instance = parameters.string('InstanceID')
  const lines = bill.lines.filter(({ resourceId }) => instance === undefined || resourceId === instance)
  const sorted = lines.toSorted((a, b) => (lineKey(a) < lineKey(b) ? -1 : 1))
  const { items, ...page } = pageByToken(sorted, parameters, { keyOf: lineKey, sizes: { default: 20, max: 300 } })
  const Items = items.map((line) => ({ ...lineView(line), Currency: bill.currency }))
  return { Data: { BillingCycle: parameters.required('BillingCycle'), Items, ...page } }
}

function lineKey({ resourceId, item, unit, service, cost }: BillLine): string {
  const known = cost === undefined ? 'unknown' : 'known'
  return [resourceId, item, unit, service?.namespace ?? '', service?.name ?? '', known].join(' ')
}

/** Without `PretaxAmount` where nobody published the price. */
function lineView({ resourceId, item, unit, quantity, cost, service }: BillLine): object {
  return {
    InstanceID: resourceId,
    ProductCode: productOf(resourceId),
    BillingItemCode: item,
    Usage: String(quantity),
    UsageUnit: unit,
    ...(cost === undefined ? {} : { PretaxAmount: cost }),
    ...(service === undefined ? {} : { ServiceNamespace: service.namespace, ServiceName: service.name }),
  }
}

function productOf(resourceId: string): string {
  return { lb: 'slb', nlb: 'nlb' }[resourceId.split('-')[0] ?? ''] ?? 'eip'
}

function describeCosts(call: Call): object {
  const by = call.parameters.oneOf('GroupBy', ['Instance', 'Service', 'Namespace']) ?? missing('GroupBy')
  return costView(billOf(call), by)
}

function describeForecast(call: Call): object {
  const by = call.parameters.oneOf('GroupBy', ['Instance', 'Service', 'Namespace']) ?? 'Instance'
  return costView(forecastMonth(call.transaction.list(USAGE), pricesOf(call.transaction), call.now), by)
}

const KEYS = {
  Instance: ({ resourceId }: BillLine) => resourceId,
  Service: ({ service }: BillLine) => (service === undefined ? '' : `${service.namespace}/${service.name}`),
  Namespace: ({ service }: BillLine) => service?.namespace ?? '',
} as const

/** The sum of what is known, and the items of which nobody published the price. */
function costView(bill: Bill, by: keyof typeof KEYS): object {
  const Costs = [...groupBill(bill, KEYS[by])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Name, { known, unknown }]) => ({ Name, PretaxAmount: known, UnknownItems: unknown }))
  return { Currency: bill.currency, PretaxAmount: bill.total, UnknownItems: bill.unknown, Costs }
}

function billOf({ parameters, transaction }: Call): Bill {
  const cycle = parameters.required('BillingCycle', CYCLE)
  const usage = transaction.list(USAGE).filter(({ hour }) => monthOf(hour) === cycle)
  return createBill(usage, pricesOf(transaction))
}

function monthOf(hour: number): string {
  return new Date(hour + UTC_OFFSET_MS).toISOString().slice(0, 'yyyy-mm'.length)
}

function describePrices({ transaction }: Call): object {
  const { currency, prices } = pricesOf(transaction)
  const Prices = prices.map(({ item, variant, from, amount, unit }) => ({
    Item: item,
    ...(variant === undefined ? {} : { Variant: variant }),
    From: from,
    Amount: amount,
    Unit: unit,
  }))
  return { Currency: currency, Prices }
}

function setPrice(call: Call): object {
  const text = call.parameters.required('Amount', {
    pattern: /^\d{1,9}(\.\d{1,9})?$/,
    wanted: 'a number such as 0.021',
  })
  editPrice(call.transaction, { ...rowOf(call), amount: Number(text) })
  return describePrices(call)
}

function deletePrice(call: Call): object {
  editPrice(call.transaction, rowOf(call))
  return describePrices(call)
}

const DAY = { pattern: /^\d{4}-\d{2}-\d{2}$/, wanted: 'a day such as 2026-11-01' }

function rowOf({ parameters }: Call) {
  const item = parameters.required('Item')
  const from = parameters.required('From', DAY)
  const variant = parameters.string('Variant')
  if (!isBillingItem(item)) {
    const known = Object.keys(BILLING_ITEMS).join(', ')
    throw new Refusal('InvalidParameter.Item', `The Item '${item}' is not valid: give one of ${known}.`)
  }
  if (Number.isNaN(Date.parse(from))) {
    throw new Refusal('InvalidParameter.From', `The From '${from}' is not valid: give ${DAY.wanted}.`)
  }
  return { item, from, ...(variant === undefined ? {} : { variant }) }
}
