import assert from 'node:assert/strict'
import OpenApi, { $OpenApiUtil, OpenApiUtil } from '@alicloud/openapi-core'
import PopCore from '@alicloud/pop-core'
import { type Clock, systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { ECS_PRODUCT } from './ecs/ecs-product.ts'
import { type Endpoint, startEndpoint } from './openapi/endpoint.ts'
import type { Product } from './openapi/product.ts'
import type { RamUser } from './openapi/ram-user.ts'
import { ensureRegion, type RegionIds, type RegionSpec, vSwitchId } from './region.ts'
import { CloudState } from './state/cloud-state.ts'
import { VPC_PRODUCT } from './vpc/vpc-product.ts'

export const TEST_USER: RamUser = {
  name: 'test',
  accessKeyId: 'key-test',
  accessKeySecret: 'secret-test',
  statements: [{ effect: 'Allow', actions: ['*'] }],
}

export const TEST_REGION: RegionSpec = {
  cluster: 'test',
  vpcCidr: '192.168.0.0/16',
  vSwitches: [
    { zoneId: 'zone-a', cidrBlock: '192.168.0.0/24' },
    { zoneId: 'zone-b', cidrBlock: '192.168.1.0/28' },
  ],
  machines: [
    {
      name: 'node-1',
      zoneId: 'zone-a',
      address: '192.168.0.11',
      publicAddress: '203.0.113.11',
      instanceType: 'ecs.g7.large',
    },
    {
      name: 'node-2',
      zoneId: 'zone-b',
      address: '192.168.1.11',
      publicAddress: '203.0.113.12',
      instanceType: 'ecs.g7.large',
    },
  ],
}

/** A cloud with an endpoint and no packets, and the public clients to ask it with. */
export interface TestCloud extends AsyncDisposable {
  readonly state: CloudState
  readonly endpoint: Endpoint
  readonly ids: RegionIds
  /** The RPC client of a product, by its version. */
  client(version: string): PopCore
  /** The client of a product by ACS3 signature, by its version; arrays and objects are flattened. */
  acs3(version: string): Acs3Client
  vSwitch(zoneId: string): string
}

/** Asks for an action; the answer's body. */
export type Acs3Client = (action: string, parameters?: object) => Promise<Record<string, unknown>>

export interface TestCloudOptions {
  readonly products?: readonly Product[]
  readonly region?: RegionSpec
  readonly users?: readonly RamUser[]
  readonly clock?: Clock
}

export async function openTestCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const { products = [], region = TEST_REGION, users = [TEST_USER], clock = systemClock } = options
  const state = CloudState.open()
  const ids = ensureRegion(state, region, clock.now())
  const endpoint = await startEndpoint({
    state,
    products: [ECS_PRODUCT, VPC_PRODUCT, ...products],
    users,
    throttle: { perSecond: 100_000, burst: 100_000 },
    host: '127.0.0.1',
    port: 0,
    clock,
    log: silentLog,
  })
  const { accessKeyId, accessKeySecret } = users[0] ?? TEST_USER
  return {
    state,
    endpoint,
    ids,
    client: (apiVersion) => new PopCore({ endpoint: endpoint.url, apiVersion, accessKeyId, accessKeySecret }),
    acs3: (version) => acs3Client(endpoint, version, { accessKeyId, accessKeySecret }),
    vSwitch: (zoneId) => vSwitchId(region.cluster, zoneId),
    async [Symbol.asyncDispose]() {
      await endpoint[Symbol.asyncDispose]()
      await state[Symbol.asyncDispose]()
    },
  }
}

/** The `Code` that a call is refused with. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (answer) => assert.fail(`The call went through: ${JSON.stringify(answer)}`),
    (reason: { code?: string }) => reason,
  )
  return error.code ?? String(error)
}

/** A client that signs by ACS3. */
export function acs3Client(
  endpoint: Pick<Endpoint, 'url'>,
  version: string,
  keys: { accessKeyId: string; accessKeySecret: string },
): Acs3Client {
  const config = { endpoint: endpoint.url.slice('http://'.length), protocol: 'http', ...keys }
  const client = new OpenApi.default(new $OpenApiUtil.Config(config))
  const style = {
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  }
  return async (action, parameters = {}) => {
    const params = new $OpenApiUtil.Params({ action, version, protocol: 'HTTP', ...style })
    const request = new $OpenApiUtil.OpenApiRequest({ query: OpenApiUtil.query({ ...parameters }) })
    // The client's own class for this belongs to a package that it depends on; it reads nothing of it by default.
    const { body } = await client.callApi(params, request, {} as Parameters<typeof client.callApi>[2])
    return body as Record<string, unknown>
  }
}
