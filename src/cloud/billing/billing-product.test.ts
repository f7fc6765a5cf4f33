import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RamUser } from '../openapi/ram-user.ts'
import { openTestCloud, refusalOf, TEST_USER } from '../test-cloud.ts'
import { BILLING_PRODUCT } from './billing-product.ts'
import { type BilledResource, HOUR_MS, hourOf, USAGE } from './usage.ts'

const BSS = '2017-12-14'
const GIGABYTE = 1_000_000_000

interface Costs {
  readonly PretaxAmount: number
  readonly UnknownItems: string[]
  readonly Costs: { Name: string; PretaxAmount: number; UnknownItems: string[] }[]
}
interface InstanceBill {
  readonly Data: { Items: Record<string, unknown>[]; TotalCount: number; NextToken?: string }
}
interface Prices {
  readonly Prices: { Item: string; From: string; Amount: number; Variant?: string }[]
}

/** Two Services on one instance, `web` with three quarters of the traffic, in the last hour of October and one after it. */
async function openBills(user: RamUser = TEST_USER) {
  const cloud = await openTestCloud({ products: [BILLING_PRODUCT], users: [user] })
  const resource: BilledResource = {
    kind: 'load-balancer',
    name: 'lb',
    addressType: 'internet',
    instanceChargeType: 'PayByCLCU',
    internetChargeType: 'paybytraffic',
    bandwidth: -1,
    services: {
      'lb-1/tcp/80': { namespace: 'shop', name: 'web' },
      'lb-1/tcp/81': { namespace: 'mill', name: 'api' },
    },
  }
  const part = (outBytes: number) => ({ newConnections: 0, activeConnections: 0, inBytes: 0, outBytes })
  const traffic = { 'lb-1/tcp/80': part(3 * GIGABYTE), 'lb-1/tcp/81': part(GIGABYTE) }
  cloud.state.transact((transaction) => {
    // In China it is November already.
    for (const hour of ['2026-10-31T15:00:00Z', '2026-10-31T16:00:00Z'].map(Date.parse)) {
      transaction.put(USAGE, `lb-1/${hour}`, { resourceId: 'lb-1', hour, resource, traffic })
    }
  })
  const client = cloud.client(BSS)
  const ask = <Answer>(action: string, parameters: object = {}) =>
    client.request<Answer>(action, parameters, { method: 'POST' })
  return { cloud, ask, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() }
}

test('a month is billed by instance and item, page by page, and what has no price has no amount', async () => {
  await using bills = await openBills()
  const october = await bills.ask<InstanceBill>('DescribeInstanceBill', { BillingCycle: '2026-10' })
  const november = await bills.ask<InstanceBill>('DescribeInstanceBill', { BillingCycle: '2026-11' })
  assert.deepEqual([october.Data.TotalCount, november.Data.TotalCount], [8, 8])
  const seen: Record<string, unknown>[] = []
  for (let NextToken = ''; ; ) {
    const asked = { BillingCycle: '2026-11', MaxResults: 3, InstanceID: 'lb-1', NextToken }
    const { Data } = await bills.ask<InstanceBill>('DescribeInstanceBill', asked)
    seen.push(...Data.Items)
    if (Data.NextToken === undefined) break
    NextToken = Data.NextToken
  }
  assert.deepEqual(seen, november.Data.Items)
  const traffic = seen.find((one) => one.BillingItemCode === 'traffic-fee' && one.ServiceName === 'web')
  assert.deepEqual([traffic?.Usage, traffic?.UsageUnit, traffic?.PretaxAmount], ['3', 'GB', 0.375])
  assert.ok(seen.filter((one) => one.BillingItemCode === 'lcu-fee').every((one) => one.PretaxAmount === undefined))
  assert.equal(
    await refusalOf(bills.ask('DescribeInstanceBill', { BillingCycle: '2026-13' })),
    'InvalidParameter.BillingCycle',
  )
})

test('costs are told by instance, Service and namespace', async () => {
  await using bills = await openBills()
  const costs = (GroupBy: string) => bills.ask<Costs>('DescribeCosts', { BillingCycle: '2026-11', GroupBy })
  const names = async (by: string) => (await costs(by)).Costs.map(({ Name }) => Name)
  assert.deepEqual(await names('Instance'), ['lb-1'])
  assert.deepEqual(await names('Service'), ['mill/api', 'shop/web'])
  const { Costs, PretaxAmount, UnknownItems } = await costs('Namespace')
  assert.deepEqual(UnknownItems, ['lcu-fee'])
  const sum = Costs.reduce((total, one) => total + one.PretaxAmount, 0)
  assert.ok(Math.abs(sum - PretaxAmount) < 1e-9)
  assert.ok(Math.abs(PretaxAmount - (0.021 + 0.003 + 4 * 0.125)) < 1e-9)
  assert.equal(await refusalOf(costs('Colour')), 'InvalidParameter.GroupBy')
})

test('prices are edited with the day from which they hold, and taken back', async () => {
  await using bills = await openBills()
  const total = async (BillingCycle: string) => {
    const { PretaxAmount } = await bills.ask<Costs>('DescribeCosts', { BillingCycle, GroupBy: 'Instance' })
    return Number(PretaxAmount.toFixed(6))
  }
  assert.deepEqual([await total('2026-10'), await total('2026-11')], [0.524, 0.524])
  const edit = { Item: 'instance-fee', From: '2026-10-31' }
  const { Prices } = await bills.ask<Prices>('SetPrice', { ...edit, Amount: '1.021' })
  assert.ok(Prices.some(({ Item, From, Amount }) => Item === edit.Item && From === edit.From && Amount === 1.021))
  assert.equal(await total('2026-11'), 1.524)
  await bills.ask('DeletePrice', edit)
  assert.equal(await total('2026-11'), 0.524)
  await bills.ask('DeletePrice', { Item: 'instance-fee', From: '2024-12-01' })
  const { UnknownItems } = await bills.ask<Costs>('DescribeCosts', { BillingCycle: '2026-11', GroupBy: 'Instance' })
  assert.deepEqual(UnknownItems.sort(), ['instance-fee', 'lcu-fee'], 'a price that is gone is unknown, not nothing')
  // How many units there were is not known, whatever one costs.
  await bills.ask('SetPrice', { Item: 'lcu-fee', From: '2026-01-01', Amount: '5' })
  assert.equal(await total('2026-11'), 0.503)
  for (const [change, code] of [
    [{ Item: 'luck' }, 'InvalidParameter.Item'],
    [{ From: 'soon' }, 'InvalidParameter.From'],
    [{ From: '2026-99-99' }, 'InvalidParameter.From'],
    [{ Amount: '-1' }, 'InvalidParameter.Amount'],
    [{ Amount: '' }, 'MissingAmount'],
  ] as const) {
    assert.equal(await refusalOf(bills.ask('SetPrice', { ...edit, Amount: '1', ...change })), code)
  }
})

test('a forecast is for what exists now, and bills are for those who may', async () => {
  await using bills = await openBills()
  const nothing = await bills.ask<Costs>('DescribeForecast')
  assert.deepEqual([nothing.PretaxAmount, nothing.Costs], [0, []])
  const hour = hourOf(Date.now())
  bills.cloud.state.transact((transaction) => {
    const resource = { kind: 'eip', address: '203.0.113.1', bound: false, internetChargeType: 'PayByTraffic' } as const
    // The hour may end before the question comes.
    for (const at of [hour, hour + HOUR_MS]) {
      transaction.put(USAGE, `eip-1/${at}`, { resourceId: 'eip-1', hour: at, resource, traffic: {} })
    }
  })
  await bills.ask('SetPrice', { Item: 'eip-configuration-fee', From: '2026-01-01', Amount: '0.01' })
  const month = await bills.ask<Costs>('DescribeForecast', { GroupBy: 'Instance' })
  assert.deepEqual([month.Costs[0]?.Name, Number(month.PretaxAmount.toFixed(6))], ['eip-1', 7.2])
  await using poor = await openBills({ ...TEST_USER, statements: [{ effect: 'Allow', actions: ['bss:Describe*'] }] })
  assert.equal(
    await refusalOf(poor.ask('SetPrice', { Item: 'instance-fee', From: '2026-01-01', Amount: '1' })),
    'NotAuthorized',
  )
})
