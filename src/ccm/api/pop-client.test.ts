import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { startEndpoint } from '../../cloud/openapi/endpoint.ts'
import { REGION_ID } from '../../cloud/region.ts'
import { openTestCloud, TEST_USER, type TestCloud } from '../../cloud/test-cloud.ts'
import { VPC_PRODUCT } from '../../cloud/vpc/vpc-product.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { isCloudError, isThrottled } from './cloud-error.ts'
import { createPopClient, type PopClientOptions } from './pop-client.ts'

function clientOf(url: string, options: Partial<PopClientOptions> = {}) {
  const { accessKeyId, accessKeySecret } = TEST_USER
  const endpoints = { slb: url, nlb: url, ecs: url, vpc: url }
  return createPopClient({
    access: { accessKeyId, accessKeySecret, endpoints, region: REGION_ID, clusterId: 'c1' },
    ...options,
  })
}

async function throttledEndpoint(cloud: TestCloud) {
  return startEndpoint({
    state: cloud.state,
    products: [VPC_PRODUCT],
    users: [TEST_USER],
    throttle: { perSecond: 0.001, burst: 1 },
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
  })
}

test('a refusal carries the code of the API, a cloud that does not answer is told apart', async () => {
  await using cloud = await openTestCloud()
  const call = (url: string) => clientOf(url).call('vpc', 'DescribeVSwitches', { VSwitchId: 'x', PageSize: 0 })
  await assert.rejects(call(cloud.endpoint.url), (error) => {
    assert.ok(isCloudError(error, 'InvalidParameter.PageSize'))
    assert.match(
      error.message,
      /^\[SDKError\] API: DescribeVSwitches, ErrorCode: InvalidParameter\.PageSize, RequestId: .+, Message: /,
    )
    return true
  })
  await assert.rejects(call('http://127.0.0.1:1'), (error) => isFairleadError(error, 'API_UNREACHABLE'))
})

test('a connection that ends as a call is on its way: what only reads is asked again, what changes is not', async () => {
  for (const product of ['vpc', 'nlb'] as const) {
    let asked = 0
    const server = createServer((request, response) => {
      asked++
      request.resume()
      if (asked % 2 === 0) request.socket.resetAndDestroy()
      else response.setHeader('content-type', 'application/json').end('{"RequestId":"1"}')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = clientOf(`http://127.0.0.1:${port}`)
    await client.call(product, 'DescribeZones', {})
    assert.equal((await client.call(product, 'DescribeZones', {})).RequestId, '1')
    assert.equal(asked, 3)
    await assert.rejects(client.call(product, 'CreateThing', {}), (error) => isFairleadError(error, 'API_UNREACHABLE'))
    assert.equal(asked, 4)
    server.close()
    server.closeAllConnections()
  }
})

test('a call that is throttled waits, longer each time, and gives up in the end', async () => {
  await using cloud = await openTestCloud()
  await using endpoint = await throttledEndpoint(cloud)
  const clock = new ManualClock()
  const waits: number[] = []
  const patient = {
    now: () => clock.now(),
    after: clock.after.bind(clock),
    sleep: async (ms: number) => {
      waits.push(ms)
      clock.pass(ms)
    },
  }
  const client = clientOf(endpoint.url, { clock: patient, maxThrottlingRetries: 4 })
  await client.call('vpc', 'DescribeVpcs', {})
  await assert.rejects(client.call('vpc', 'DescribeVpcs', {}), isThrottled)
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000])
})
