import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../kube/manual-clock.ts'
import { NETWORK_LOAD_BALANCERS } from '../nlb/model.ts'
import { openTestNlb } from '../nlb/test-nlb.ts'
import { publicAddressOf } from '../nlb/zone-mappings.ts'
import { openTestSlb } from '../slb/test-slb.ts'
import { createBill, groupBill } from './bill.ts'
import { forecastMonth } from './forecast.ts'
import { DEFAULT_PRICES, priceAt } from './price-table.ts'
import { type BilledResource, HOUR_MS, serviceOfDescription, USAGE, type UsageHour } from './usage.ts'
import { UsageRecorder } from './usage-recorder.ts'

const START = Date.parse('2026-11-01T00:00:00Z')
const GIGABYTE = 1_000_000_000

const WEB = { namespace: 'default', name: 'web' }
const SHOP = { namespace: 'shop', name: 'front' }

function loadBalancer(changes: Partial<BilledResource & { kind: 'load-balancer' }> = {}): BilledResource {
  const resource = {
    kind: 'load-balancer',
    name: 'web',
    addressType: 'internet',
    instanceChargeType: 'PayBySpec',
    spec: 'slb.s2.small',
  } as const
  return { ...resource, internetChargeType: 'paybytraffic', bandwidth: -1, services: {}, ...changes }
}

function hour(resource: BilledResource, outBytes: Record<string, number> = {}, hourOfUse = START): UsageHour {
  const traffic = Object.entries(outBytes).map(([key, bytes]) => [
    key,
    { newConnections: 1, activeConnections: 1, inBytes: 0, outBytes: bytes },
  ])
  return { resourceId: 'lb-1', hour: hourOfUse, resource, traffic: Object.fromEntries(traffic) }
}

test('a price holds from its day on', () => {
  assert.equal(priceAt(DEFAULT_PRICES, { item: 'instance-fee' }, Date.parse('2024-11-30')), undefined)
  assert.equal(priceAt(DEFAULT_PRICES, { item: 'instance-fee' }, Date.parse('2024-12-01'))?.amount, 0.021)
  const newer = {
    ...DEFAULT_PRICES,
    prices: [...DEFAULT_PRICES.prices, { item: 'instance-fee', from: '2026-01-01', amount: 1, unit: 'hour' } as const],
  }
  assert.equal(priceAt(newer, { item: 'instance-fee' }, START)?.amount, 1)
})

test('an hour of a public instance by spec and traffic', () => {
  const bill = createBill([hour(loadBalancer(), { 'lb-1/tcp/80': 2 * GIGABYTE })], DEFAULT_PRICES)
  assert.deepEqual(
    bill.lines.map(({ item, quantity, cost }) => [item, quantity, cost]),
    [
      ['instance-fee', 1, 0.021],
      ['public-ip-retention-fee', 1, 0.003],
      ['traffic-fee', 2, 0.25],
      ['spec-fee', 1, 0.05],
    ],
  )
  assert.deepEqual(bill.unknown, [])
})

test('a price that nobody published is shown as unknown, and never as nothing', () => {
  const bill = createBill(
    [hour(loadBalancer({ instanceChargeType: 'PayByCLCU', addressType: 'intranet' }))],
    DEFAULT_PRICES,
  )
  assert.deepEqual(bill.unknown, ['lcu-fee'])
  assert.equal(bill.lines.find((line) => line.item === 'lcu-fee')?.cost, undefined)
  assert.equal(bill.total, 0.021)
})

test('Services on one instance share its bill: traffic by bytes, the rest by listeners', () => {
  const shared = loadBalancer({ services: { 'lb-1/tcp/80': WEB, 'lb-1/tcp/81': SHOP } })
  const bill = createBill([hour(shared, { 'lb-1/tcp/80': 3 * GIGABYTE, 'lb-1/tcp/81': GIGABYTE })], DEFAULT_PRICES)
  const byNamespace = groupBill(bill, (line) => line.service?.namespace ?? '')
  const fixed = (0.021 + 0.003 + 0.05) / 2
  assert.ok(Math.abs((byNamespace.get('default')?.known ?? 0) - (fixed + 3 * 0.125)) < 1e-9)
  assert.ok(Math.abs((byNamespace.get('shop')?.known ?? 0) - (fixed + 0.125)) < 1e-9)
})

test('however usage is divided, the parts make the whole', () => {
  const hours = fc.array(
    fc.record({
      bytes: fc.tuple(fc.nat(1e9), fc.nat(1e9)),
      shared: fc.boolean(),
      at: fc.nat(50),
      spec: fc.constantFrom('slb.s1.small', 'slb.s3.large'),
    }),
    { maxLength: 20 },
  )
  fc.assert(
    fc.property(hours, (rows) => {
      const usage = rows.map(({ bytes: [a, b], shared, at, spec }) =>
        hour(
          loadBalancer({
            spec,
            services: shared ? { 'lb-1/tcp/80': WEB, 'lb-1/tcp/81': SHOP } : { 'lb-1/tcp/80': WEB },
          }),
          { 'lb-1/tcp/80': a, 'lb-1/tcp/81': shared ? b : 0 },
          START + at * HOUR_MS,
        ),
      )
      const whole = createBill(usage, DEFAULT_PRICES).total
      const parts = usage.reduce((sum, one) => sum + createBill([one], DEFAULT_PRICES).total, 0)
      const groups = [...groupBill(createBill(usage, DEFAULT_PRICES), (line) => line.service?.name ?? '').values()]
      assert.ok(Math.abs(whole - parts) < 1e-6)
      assert.ok(Math.abs(whole - groups.reduce((sum, group) => sum + group.known, 0)) < 1e-6)
    }),
  )
})

test('usage is written down hour by hour, also for what lived shortly, and gaps are filled', async () => {
  const clock = new ManualClock(START + HOUR_MS / 2)
  await using slb = await openTestSlb()
  using recorder = new UsageRecorder(slb.cloud.state, clock)
  const LoadBalancerId = await slb.create()
  const short = await slb.create()
  await slb.ask('DeleteLoadBalancer', { LoadBalancerId: short })
  const hoursOf = (id: string) =>
    slb.cloud.state
      .list(USAGE)
      .filter((usage) => usage.resourceId === id)
      .map((usage) => (usage.hour - START) / HOUR_MS)
      .sort()
  assert.deepEqual([hoursOf(LoadBalancerId), hoursOf(short)], [[0], [0]])
  clock.pass(3 * HOUR_MS)
  const traffic = { newConnections: 5n, activeConnections: 2n, inBytes: 10n, outBytes: 100n }
  recorder.record({ traffic: new Map([[`${LoadBalancerId}/tcp/80`, traffic]]) })
  recorder.record({ traffic: new Map([[`${LoadBalancerId}/tcp/80`, { ...traffic, outBytes: 150n }]]) })
  assert.deepEqual([hoursOf(LoadBalancerId), hoursOf(short)], [[0, 1, 2, 3], [0]])
  const last = slb.cloud.state.get(USAGE, `${LoadBalancerId}/${START + 3 * HOUR_MS}`)
  assert.equal(last?.traffic[`${LoadBalancerId}/tcp/80`]?.outBytes, 150)
  const month = forecastMonth(slb.cloud.state.list(USAGE), DEFAULT_PRICES, clock.now())
  const instances = month.lines.filter((line) => line.resourceId === LoadBalancerId && line.item === 'instance-fee')
  assert.deepEqual(
    instances.map((line) => line.quantity),
    [720],
  )
})

test('what another process counted already is not paid for again', async () => {
  const clock = new ManualClock(START)
  await using slb = await openTestSlb()
  const LoadBalancerId = await slb.create()
  const key = `${LoadBalancerId}/tcp/80`
  const counted = (outBytes: bigint) => ({ newConnections: 1n, activeConnections: 0n, inBytes: 0n, outBytes })
  const record = (outBytes: bigint) => {
    using recorder = new UsageRecorder(slb.cloud.state, clock)
    recorder.record({ traffic: new Map([[key, counted(outBytes)]]) })
    return slb.cloud.state.get(USAGE, `${LoadBalancerId}/${START}`)?.traffic[key]?.outBytes
  }
  assert.equal(record(100n), 100)
  assert.equal(record(100n), 100)
  assert.equal(record(130n), 130)
  assert.equal(record(20n), 150, 'a counter that was made anew')
})

test('an NLB instance is billed by the hour and by LCUs, its EIPs by what its listeners send there', async () => {
  const clock = new ManualClock(START)
  await using nlb = await openTestNlb()
  using recorder = new UsageRecorder(nlb.cloud.state, clock)
  const LoadBalancerId = await nlb.create({ AddressType: 'Internet' })
  const ServerGroupId = await nlb.createGroup({ Protocol: 'TCP_UDP' })
  const listen = (ListenerProtocol: string, name: string) =>
    nlb.ask('CreateListener', {
      LoadBalancerId,
      ServerGroupId,
      ListenerProtocol,
      ListenerPort: 80,
      ListenerDescription: `k8s.80.${ListenerProtocol}.${name}.default.c1`,
    })
  await listen('TCP', 'web')
  const [zone] = nlb.cloud.state.get(NETWORK_LOAD_BALANCERS, LoadBalancerId)?.zones ?? []
  assert.ok(zone !== undefined)
  const eip = publicAddressOf(nlb.cloud.state, zone)
  assert.ok(eip !== undefined)
  const [inside, outside] = [zone.privateAddress, eip.address].map((one) => `${LoadBalancerId}/tcp/80@${one}`)
  assert.ok(inside !== undefined && outside !== undefined)
  const nothing = { newConnections: 0n, activeConnections: 0n, inBytes: 0n, outBytes: 0n }
  recorder.record({ traffic: new Map([[inside, nothing]]) })
  clock.pass(10_000)
  const half = { ...nothing, inBytes: BigInt(GIGABYTE / 2), outBytes: BigInt(GIGABYTE) }
  const busy = { ...nothing, newConnections: 16_000n }
  recorder.record({
    traffic: new Map([
      [inside, busy],
      [outside, half],
    ]),
    publicBytes: new Map([[eip.address, BigInt(GIGABYTE)]]),
  })
  const billed = () => {
    const { lines, unknown } = createBill(nlb.cloud.state.list(USAGE), DEFAULT_PRICES)
    const own = lines.filter(({ resourceId }) => [LoadBalancerId, eip.allocationId].includes(resourceId))
    const text = own.map(({ item, unit, quantity, service }) => `${item} ${quantity} ${unit} ${service?.name ?? '-'}`)
    return { text: text.sort(), unknown }
  }
  assert.deepEqual(billed(), {
    // 1,600 connections a second need 2 units, 1.5 GB only 1.5.
    text: ['eip-traffic-fee 1 GB web', 'nlb-instance-fee 1 hour web', 'nlb-lcu-fee 2 LCU-hour web'],
    unknown: ['nlb-lcu-fee', 'eip-traffic-fee'],
  })
  assert.equal(createBill(nlb.cloud.state.list(USAGE), DEFAULT_PRICES).total, 0.02)

  await listen('UDP', 'dns')
  const udp = `${LoadBalancerId}/udp/80@${zone.privateAddress}`
  recorder.record({ traffic: new Map([[udp, { ...nothing, inBytes: 1n }]]) })
  assert.deepEqual(billed().text, [
    'eip-traffic-fee 1 GB web',
    'nlb-instance-fee 0.5 hour dns',
    'nlb-instance-fee 0.5 hour web',
    'nlb-lcu-fee 0.5 hour dns',
    'nlb-lcu-fee 0.5 hour web',
  ])
  const month = forecastMonth(nlb.cloud.state.list(USAGE), DEFAULT_PRICES, clock.now())
  const fees = month.lines.filter((line) => line.resourceId === LoadBalancerId && line.item === 'nlb-instance-fee')
  assert.equal(
    fees.reduce((sum, line) => sum + line.quantity, 0),
    720,
  )
})

test('what an EIP of a machine sends is billed to it', async () => {
  await using slb = await openTestSlb()
  using recorder = new UsageRecorder(slb.cloud.state, new ManualClock(START))
  recorder.record({ traffic: new Map(), publicBytes: new Map([['203.0.113.11', BigInt(3 * GIGABYTE)]]) })
  const { lines } = createBill(slb.cloud.state.list(USAGE), DEFAULT_PRICES)
  assert.deepEqual(
    lines.map(({ item, quantity }) => [item, quantity]),
    [['eip-traffic-fee', 3]],
  )
})

test("a listener's description names its Service", () => {
  assert.deepEqual(serviceOfDescription('k8s/80/web/default/c1'), WEB)
  assert.deepEqual(serviceOfDescription('k8s.80.TCP.web.default.c1'), WEB)
  assert.deepEqual(serviceOfDescription('k8s.1000_2000.UDP.web.default.c1'), WEB)
  for (const other of [
    '',
    'mine',
    'k8s/80/web/default',
    'k9s/80/web/default/c1',
    'k8s/80/web/default/c1/x',
    'k8s.80.TCP.web.default',
  ]) {
    assert.equal(serviceOfDescription(other), undefined, other)
  }
})
