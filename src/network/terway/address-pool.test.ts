import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { silentLog } from '../../base/log.ts'
import { NETWORK_INTERFACES } from '../../cloud/ecs/model.ts'
import { instanceId } from '../../cloud/region.ts'
import { openTestCloud, TEST_REGION, TEST_USER, type TestCloud } from '../../cloud/test-cloud.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { AddressPool, type AddressPoolOptions, type PooledAddress } from './address-pool.ts'
import { createInterfaceCloud } from './interface-cloud.ts'

const LIMITS = { interfaces: 2, addressesPerInterface: 6, minFree: 1, maxFree: 3 }
const COOLING_MS = 5_000

type PoolChanges = Partial<Omit<AddressPoolOptions, 'cloud'>>

/** A pool of a machine of a real cloud, over its API; zone-b's vSwitch has 12 addresses. */
function openPool(cloud: TestCloud, clock: ManualClock, changes: PoolChanges = {}, zone: 'a' | 'b' = 'a'): AddressPool {
  const vSwitchId = cloud.vSwitch(`zone-${zone}`)
  return new AddressPool({
    cloud: interfaceCloud(cloud, zone),
    limits: LIMITS,
    vSwitchId,
    instanceType: 'ecs.g7.large',
    coolingMs: COOLING_MS,
    reserved: [],
    connect: async () => {},
    clock,
    log: silentLog,
    ...changes,
  })
}

function interfaceCloud(cloud: TestCloud, zone: 'a' | 'b' = 'a') {
  const { accessKeyId, accessKeySecret } = TEST_USER
  return createInterfaceCloud(
    { endpoint: cloud.endpoint.url, accessKeyId, accessKeySecret },
    {
      regionId: 'cn-hangzhou',
      instanceId: machine(zone),
      vSwitchId: cloud.vSwitch(`zone-${zone}`),
      securityGroupId: cloud.ids.securityGroupId,
    },
  )
}

function machine(zone: 'a' | 'b'): string {
  return instanceId(TEST_REGION.cluster, zone === 'a' ? 'node-1' : 'node-2')
}

/** What the cloud says that the machine's secondary interfaces have. */
function held(cloud: TestCloud, zone: 'a' | 'b' = 'a'): string[] {
  const cards = cloud.state.list(NETWORK_INTERFACES).filter(({ type }) => type === 'Secondary')
  assert.ok(
    cards.every(({ instanceId: owner }) => owner === machine(zone)),
    'every interface is attached',
  )
  return cards.flatMap(({ privateAddresses }) => privateAddresses)
}

async function next(pool: AddressPool): Promise<PooledAddress> {
  return pool.take() ?? (await pool.wait(new AbortController().signal))
}

test('the pool grows as pods come, up to what the type allows, and shrinks when they have gone', async () => {
  await using cloud = await openTestCloud()
  const clock = new ManualClock()
  await using pool = openPool(cloud, clock)
  await pool.settled()
  assert.deepEqual(pool.counts(), { interfaces: 1, used: 0, cooling: 0, free: 1 }, 'warm')
  const taken = await Promise.all(Array.from({ length: 12 }, () => next(pool)))
  assert.equal(new Set(taken.map(({ address }) => address)).size, 12)
  assert.deepEqual(pool.counts(), { interfaces: 2, used: 12, cooling: 0, free: 0 })
  await assert.rejects(pool.wait(new AbortController().signal), {
    code: 'CLOUD_REFUSED',
    message:
      'failed to allocate address: instance type ecs.g7.large allows 2 secondary interfaces with 6 addresses each, and all are in use',
  })
  for (const { address } of taken) pool.release(address)
  await pool.settled()
  assert.deepEqual(pool.counts(), { interfaces: 2, used: 0, cooling: 12, free: 0 }, 'nobody gets them at once')
  const waiting = next(pool)
  clock.pass(COOLING_MS)
  const { address: reused } = await waiting
  assert.ok(taken.some(({ address }) => address === reused))
  await pool.settled()
  assert.deepEqual(pool.counts(), { interfaces: 1, used: 1, cooling: 0, free: 3 })
  assert.equal(held(cloud).length, 4)
})

test('max_eni that is less than the type allows is the limit that is named', async () => {
  await using cloud = await openTestCloud()
  await using pool = openPool(cloud, new ManualClock(), { limits: { ...LIMITS, interfaces: 1, isCapped: true } })
  await Promise.all(Array.from({ length: 6 }, () => next(pool)))
  await assert.rejects(pool.wait(new AbortController().signal), {
    message:
      'failed to allocate address: max_eni allows 1 secondary interfaces with 6 addresses each, and all are in use',
  })
})

test('an address is given out again as late as possible', async () => {
  await using cloud = await openTestCloud()
  const clock = new ManualClock()
  await using pool = openPool(cloud, clock, { limits: { ...LIMITS, minFree: 3 } })
  await pool.settled()
  const [first, second] = [await next(pool), await next(pool)]
  pool.release(second.address)
  pool.release(first.address)
  await pool.settled()
  clock.pass(COOLING_MS)
  await pool.settled()
  const order = [(await next(pool)).address, (await next(pool)).address, (await next(pool)).address]
  assert.ok(order.indexOf(second.address) < 0 || order.indexOf(second.address) > 0, 'others come first')
  if (order.includes(first.address)) assert.ok(order.indexOf(second.address) < order.indexOf(first.address))
})

test('a full vSwitch is named; what it has left is used up before', async () => {
  await using cloud = await openTestCloud()
  const clock = new ManualClock()
  // Of 12 addresses the machine's primary interface has one, and one is somebody else's.
  const limits = { interfaces: 2, addressesPerInterface: 8, minFree: 0, maxFree: 5 }
  await using pool = openPool(cloud, clock, { limits: { ...limits, addressesPerInterface: 6 } }, 'b')
  await cloud.client('2014-05-26').request('CreateNetworkInterface', {
    VSwitchId: cloud.vSwitch('zone-b'),
    SecurityGroupId: cloud.ids.securityGroupId,
  })
  const taken = await Promise.all(Array.from({ length: 10 }, () => next(pool)))
  assert.equal(new Set(taken.map(({ address }) => address)).size, 10)
  await assert.rejects(pool.wait(new AbortController().signal), {
    code: 'CLOUD_REFUSED',
    message: `failed to allocate address: vSwitch ${cloud.vSwitch('zone-b')} has no free address`,
  })
})

test('what a crash left is repaired: interfaces without a machine, addresses that the cloud has lost', async () => {
  await using cloud = await openTestCloud()
  const clock = new ManualClock()
  const left = await interfaceCloud(cloud).create(2)
  const [pod] = left.addresses
  const mine = { address: left.addresses[1] ?? '', interfaceId: left.id, macAddress: left.macAddress }
  const ecs = cloud.client('2014-05-26')
  await ecs.request('UnassignPrivateIpAddresses', { NetworkInterfaceId: left.id, PrivateIpAddress: [mine.address] })
  await using pool = openPool(cloud, clock, { reserved: [mine] })
  await pool.settled()
  assert.ok(held(cloud).includes(mine.address), 'the pod keeps its address')
  assert.deepEqual(pool.counts(), { interfaces: 1, used: 1, cooling: 0, free: 1 })
  assert.equal((await next(pool)).address, pod)
})

test('1,000 pods come and go on two machines of one vSwitch: no address is two pods’ at a time', async () => {
  const [first, second] = TEST_REGION.machines
  assert.ok(first !== undefined && second !== undefined)
  const machines = [first, { ...second, zoneId: 'zone-a', address: '192.168.0.12' }]
  await using cloud = await openTestCloud({ region: { ...TEST_REGION, machines } })
  const clock = new ManualClock()
  const open = (name: string) =>
    openPool(cloud, clock, {
      ...{ coolingMs: 1 },
      cloud: createInterfaceCloud(
        { endpoint: cloud.endpoint.url, ...TEST_USER },
        {
          regionId: 'cn-hangzhou',
          instanceId: instanceId(TEST_REGION.cluster, name),
          vSwitchId: cloud.vSwitch('zone-a'),
          securityGroupId: cloud.ids.securityGroupId,
        },
      ),
    } as PoolChanges)
  await using one = open('node-1')
  await using two = open('node-2')
  const inUse = new Set<string>()
  const pods: { pool: AddressPool; address: string }[] = []
  for (let n = 0; n < 1000; n++) {
    const pool = n % 3 === 0 ? one : two
    const { address } = await next(pool)
    assert.ok(!inUse.has(address), `${address} in cycle ${n}`)
    inUse.add(address)
    pods.push({ pool, address })
    if (pods.length <= 5) continue
    const gone = pods.splice((n * 7) % pods.length, 1)[0]
    assert.ok(gone !== undefined)
    gone.pool.release(gone.address)
    inUse.delete(gone.address)
    clock.pass(1)
  }
})

test('whatever comes, goes and crashes, an address has one pod, and none is leaked', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant('come' as const) },
    { weight: 4, arbitrary: fc.nat(11) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
    { weight: 1, arbitrary: fc.constant('time' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using cloud = await openTestCloud()
      const clock = new ManualClock()
      let pool = openPool(cloud, clock)
      const pods: PooledAddress[] = []
      try {
        for (const kind of steps) {
          if (kind === 'time') clock.pass(COOLING_MS)
          else if (kind === 'come') {
            const waiting = pods.length < 12 ? next(pool) : undefined
            await pool.settled()
            // Rest first, then be free: whoever waits gets one.
            clock.pass(COOLING_MS)
            const taken = await waiting
            if (taken === undefined) continue
            assert.ok(!pods.some(({ address }) => address === taken.address), taken.address)
            pods.push(taken)
          } else if (kind === 'crash') {
            // Killed at whatever it is at: nothing but the pods' files is left.
            await pool[Symbol.asyncDispose]()
            pool = openPool(cloud, clock, { reserved: [...pods] })
          } else {
            const [gone] = pods.splice(kind, 1)
            if (gone !== undefined) pool.release(gone.address)
          }
        }
        await pool.settled()
        clock.pass(60_000)
        await pool.settled()
        const all = held(cloud)
        assert.ok(
          pods.every(({ address }) => all.includes(address)),
          'what pods have is the machine’s',
        )
        const { used, cooling, free } = pool.counts()
        assert.equal(used, pods.length)
        assert.equal(cooling, 0)
        assert.equal(all.length, used + free, 'the cloud holds what the pool knows of')
        assert.ok(free <= LIMITS.maxFree, `${free} free`)
      } finally {
        await pool[Symbol.asyncDispose]()
      }
    }),
    { numRuns: 25 },
  )
})
