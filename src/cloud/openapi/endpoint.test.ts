import assert from 'node:assert/strict'
import { test } from 'node:test'
import PopCore from '@alicloud/pop-core'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { CloudState } from '../state/cloud-state.ts'
import { type Acs3Client, acs3Client } from '../test-cloud.ts'
import { type Endpoint, startEndpoint } from './endpoint.ts'
import type { RamUser } from './ram-user.ts'
import { rpcSignature, rpcStringToSign } from './rpc-signature.ts'
import { testProduct } from './test-product.ts'
import type { ThrottleLimits } from './throttle.ts'

const ADMIN: RamUser = {
  name: 'admin',
  accessKeyId: 'key-admin',
  accessKeySecret: 'secret-admin',
  statements: [{ effect: 'Allow', actions: ['test:*'] }],
}
const READER: RamUser = {
  name: 'reader',
  accessKeyId: 'key-reader',
  accessKeySecret: 'secret-reader',
  statements: [{ effect: 'Allow', actions: ['test:Describe*'] }],
}
const GONE: RamUser = { ...ADMIN, name: 'gone', accessKeyId: 'key-gone', status: 'Inactive' }

async function open(options: { clock?: Clock; throttle?: ThrottleLimits } = {}): Promise<Endpoint> {
  return startEndpoint({
    state: CloudState.open(),
    products: [testProduct('2014-05-15'), testProduct('2022-04-30')],
    users: [ADMIN, READER, GONE],
    host: '127.0.0.1',
    port: 0,
    clock: options.clock ?? systemClock,
    log: silentLog,
    ...(options.throttle === undefined ? {} : { throttle: options.throttle }),
  })
}

function rpc(endpoint: Endpoint, user: Pick<RamUser, 'accessKeyId' | 'accessKeySecret'> = ADMIN): PopCore {
  const { accessKeyId, accessKeySecret } = user
  return new PopCore({ endpoint: endpoint.url, apiVersion: '2014-05-15', accessKeyId, accessKeySecret })
}

function acs3(endpoint: Endpoint, { accessKeyId, accessKeySecret } = ADMIN): Acs3Client {
  return acs3Client(endpoint, '2022-04-30', { accessKeyId, accessKeySecret })
}

/** An RPC request whose parameters and signature are as given: for requests that no client makes. */
async function raw(endpoint: Endpoint, changes: Record<string, string | undefined> = {}) {
  const parameters = new Map(
    Object.entries({
      Action: 'DescribeThings',
      Version: '2014-05-15',
      Format: 'JSON',
      AccessKeyId: ADMIN.accessKeyId,
      SignatureMethod: 'HMAC-SHA1',
      SignatureVersion: '1.0',
      SignatureNonce: `nonce-${Math.random()}`,
      Timestamp: `${new Date().toISOString().slice(0, 19)}Z`,
      ...changes,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const signature = rpcSignature(rpcStringToSign('POST', parameters), ADMIN.accessKeySecret)
  const body = new URLSearchParams([['Signature', signature], ...parameters])
  const response = await fetch(endpoint.url, { method: 'POST', body })
  const { Code } = (await response.json()) as { Code?: string }
  return { status: response.status, Code }
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('The call went through'),
    (reason: { code?: string; data?: { Code?: string } }) => reason,
  )
  return error.code ?? ''
}

test('the RPC client signs by GET and POST, and its lists arrive as objects', async () => {
  await using endpoint = await open()
  for (const method of ['GET', 'POST'] as const) {
    const tags = [{ Key: "it's (a) key*", Value: 'ä b~c' }]
    const result = await rpc(endpoint).request<{ Tags: unknown; RequestId: string }>(
      'CreateThing',
      { Size: 3, Tag: tags },
      { method },
    )
    assert.equal(JSON.stringify(result.Tags), JSON.stringify(tags))
    assert.match(result.RequestId, /^[0-9A-F-]{36}$/)
  }
})

test('the ACS3 client signs, for the version that it asks for', async () => {
  await using endpoint = await open()
  const call = acs3(endpoint)
  const { ThingId, Tags } = await call('CreateThing', { Size: 3, Tag: [{ Key: 'a*b', Value: 'ü' }] })
  assert.equal(ThingId, 'thing-1')
  assert.deepEqual(Tags, [{ Key: 'a*b', Value: 'ü' }])
  const { Things } = await call('DescribeThings')
  assert.equal((Things as { Thing: readonly unknown[] }).Thing.length, 1)
})

test('a wrong secret, an unknown and a disabled key are refused', async () => {
  await using endpoint = await open()
  const wrong = { ...ADMIN, accessKeySecret: 'another' }
  assert.equal(await refusal(rpc(endpoint, wrong).request('DescribeThings', {})), 'SignatureDoesNotMatch')
  assert.equal(await refusal(acs3(endpoint, wrong)('DescribeThings')), 'SignatureDoesNotMatch')
  const nobody = { ...ADMIN, accessKeyId: 'nobody' }
  assert.equal(await refusal(rpc(endpoint, nobody).request('DescribeThings', {})), 'InvalidAccessKeyId.NotFound')
  assert.equal(await refusal(rpc(endpoint, GONE).request('DescribeThings', {})), 'InvalidAccessKeyId.Inactive')
})

test('a request is let in once, and only about when it was signed', async () => {
  await using endpoint = await open()
  assert.deepEqual(await raw(endpoint, { SignatureNonce: 'once' }), { status: 200, Code: undefined })
  assert.deepEqual(await raw(endpoint, { SignatureNonce: 'once' }), { status: 400, Code: 'SignatureNonceUsed' })
  const stale = await raw(endpoint, { Timestamp: '2020-01-01T00:00:00Z' })
  assert.deepEqual(stale, { status: 400, Code: 'InvalidTimeStamp.Expired' })
  assert.deepEqual(await raw(endpoint, { Timestamp: 'yesterday' }), { status: 400, Code: 'IllegalTimestamp' })
})

test('what is asked for must exist, and be said in full', async () => {
  await using endpoint = await open()
  const rows: [Record<string, string | undefined>, number, string][] = [
    [{ Action: 'DestroyEverything' }, 404, 'InvalidAction.NotFound'],
    [{ Action: 'constructor' }, 404, 'InvalidAction.NotFound'],
    [{ Action: undefined }, 400, 'MissingAction'],
    [{ Version: '1999-01-01' }, 400, 'InvalidVersion'],
    [{ Version: undefined }, 400, 'MissingVersion'],
    [{ AccessKeyId: undefined }, 400, 'MissingAccessKeyId'],
    [{ SignatureNonce: undefined }, 400, 'MissingSignatureNonce'],
    [{ Timestamp: undefined }, 400, 'MissingTimestamp'],
    [{ SignatureMethod: 'HMAC-MD5' }, 400, 'InvalidSignatureMethod'],
    [{ Action: 'CreateThing' }, 400, 'MissingSize'],
    [{ Action: 'CreateThing', Size: '11' }, 400, 'InvalidParameter.Size'],
    [{ Action: 'CreateThing', Size: '1e0' }, 400, 'InvalidParameter.Size'],
  ]
  for (const [changes, status, Code] of rows) {
    assert.deepEqual(await raw(endpoint, changes), { status, Code }, JSON.stringify(changes))
  }
})

test('a user does what the policy allows and no more', async () => {
  await using endpoint = await open()
  await rpc(endpoint, READER).request('DescribeThings', {})
  assert.equal(await refusal(rpc(endpoint, READER).request('CreateThing', { Size: 1 })), 'Forbidden.RAM')
})

test('a repeated ClientToken answers as the first time and makes nothing', async () => {
  await using endpoint = await open()
  const client = rpc(endpoint)
  const ask = (Size: number) => client.request<{ ThingId: string }>('CreateThing', { Size, ClientToken: 'token' })
  const [first, second] = [await ask(2), await ask(2)]
  assert.equal(first.ThingId, second.ThingId)
  assert.equal(await refusal(ask(3)), 'IdempotentParameterMismatch')
  const { Things } = await client.request<{ Things: { Thing: unknown[] } }>('DescribeThings', {})
  assert.equal(Things.Thing.length, 1)
})

test('a call that is refused leaves its ClientToken free', async () => {
  await using endpoint = await open()
  const client = rpc(endpoint)
  assert.equal(
    await refusal(client.request('CreateThing', { Size: 99, ClientToken: 'token' })),
    'InvalidParameter.Size',
  )
  await client.request('CreateThing', { Size: 9, ClientToken: 'token' })
})

test('calls above the limit are throttled, each user for himself', async () => {
  const clock: Clock = { ...systemClock, now: () => Math.floor(Date.now() / 60_000) * 60_000 }
  await using endpoint = await open({ clock, throttle: { perSecond: 1, burst: 2 } })
  const client = rpc(endpoint)
  await client.request('DescribeThings', {})
  await client.request('DescribeThings', {})
  assert.equal(await refusal(client.request('DescribeThings', {})), 'Throttling.User')
  await rpc(endpoint, READER).request('DescribeThings', {})
})

test('bodies without end and requests that are none get an answer', async () => {
  await using endpoint = await open()
  const large = await fetch(endpoint.url, { method: 'POST', body: 'x'.repeat(2 << 20) })
  assert.equal(large.status, 413)
  const odd = await fetch(`${endpoint.url}/%ff?%ff=%ff`, {
    method: 'PUT',
    body: '{',
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(odd.status, 400)
})
