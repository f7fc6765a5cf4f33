import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { createPopClient } from '../api/pop-client.ts'
import type { LentKeys } from './access-keys.ts'
import { renewed } from './access-keys.ts'
import { chooseKeys, type KeyOptions } from './choose-keys.ts'

const NOBODY = '/nowhere/token-config'
const MINUTE = 60_000

/** What a machine of the cloud is told about itself; with the token of hardened machines alone. */
async function metadata(role: (number: number) => object | undefined) {
  let lent = 0
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request
    asked.push(`${method} ${url}`)
    const say = (status: number, text = '') => void response.writeHead(status).end(text)
    if (method === 'PUT' && url === '/latest/api/token') return say(200, 'the-token')
    if (headers['x-aliyun-ecs-metadata-token'] !== 'the-token') return say(403)
    if (url === '/latest/meta-data/ram/security-credentials/') return say(200, 'ccm-role\n')
    if (url !== '/latest/meta-data/ram/security-credentials/ccm-role') return say(404)
    lent++
    const found = role(lent)
    return found === undefined ? say(503) : say(200, JSON.stringify(found))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.dispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function keysOf(n: number, now: number) {
  return {
    Code: 'Success',
    AccessKeyId: `STS.${n}`,
    AccessKeySecret: 'secret',
    SecurityToken: `token-${n}`,
    Expiration: new Date(now + 60 * MINUTE).toISOString(),
  }
}

function choose(options: Partial<KeyOptions>) {
  const clock = new ManualClock()
  return chooseKeys({ config: {}, env: {}, addonTokenFile: NOBODY, clock, log: silentLog, ...options })
}

test("without keys those of the machine's RAM role count, and are asked for anew before they expire", async () => {
  const clock = new ManualClock()
  using machine = await metadata((n) => (n === 3 ? undefined : keysOf(n, clock.now())))
  const keys = choose({ env: { METADATA_ENDPOINT: machine.url }, clock })
  const first = await keys()
  assert.deepEqual(first, { accessKeyId: 'STS.1', accessKeySecret: 'secret', securityToken: 'token-1' })
  assert.deepEqual(machine.asked, [
    'PUT /latest/api/token',
    'GET /latest/meta-data/ram/security-credentials/',
    'GET /latest/meta-data/ram/security-credentials/ccm-role',
  ])
  clock.pass(9 * MINUTE)
  assert.equal(await keys(), first)
  clock.pass(MINUTE)
  const [second, same] = await Promise.all([keys(), keys()])
  assert.equal(second.accessKeyId, 'STS.2')
  assert.equal(same, second, 'asked for once')
  clock.pass(10 * MINUTE)
  assert.equal(await keys(), second, 'while there are no new ones, those at hand go on')
})

test('lent keys that cannot be renewed are used until they expire, and no longer', async () => {
  const clock = new ManualClock()
  let given: LentKeys | undefined = { keys: { accessKeyId: 'a', accessKeySecret: 'b' }, expiresAt: 30 * MINUTE }
  const lend = async () => given ?? Promise.reject(new Error('nobody lends'))
  const keys = renewed(lend, { clock, log: silentLog })
  await keys()
  given = undefined
  clock.pass(28 * MINUTE)
  assert.equal((await keys()).accessKeyId, 'a')
  clock.pass(2 * MINUTE)
  await assert.rejects(keys(), /nobody lends/)
})

test('a machine without metadata, or without a role, is told with what to do', async () => {
  const fails = (url: string) =>
    assert.rejects(choose({ env: { METADATA_ENDPOINT: url } })(), (error) => {
      assert.ok(isFairleadError(error, 'API_UNREACHABLE'))
      assert.match(error.message, new RegExp(`Cannot get keys of the machine's RAM role from ${url}: `))
      assert.match(error.hint ?? '', /Give the machine a RAM role, or accessKeyID/)
      return true
    })
  await fails('http://127.0.0.1:1')
  using machine = await metadata(() => ({ Code: 'Failed' }))
  await fails(machine.url)
})

test('the token of an addon comes first; keys of the config before the role; another account is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-keys-'))
  try {
    const file = join(directory, 'token-config')
    const keyring = randomBytes(16).toString('hex')
    const sealed = (text: string) => {
      const iv = randomBytes(16)
      const cipher = createCipheriv('aes-256-cbc', keyring, iv)
      return Buffer.concat([iv, cipher.update(text), cipher.final()]).toString('base64')
    }
    const content = {
      'access.key.id': sealed('STS.addon'),
      'access.key.secret': sealed('secret'),
      'security.token': sealed('token'),
      expiration: '1970-01-01T01:00:00Z',
      keyring,
    }
    writeFileSync(file, JSON.stringify(content))
    const own = { accessKeyId: 'id', accessKeySecret: 'secret' }
    const config = { keys: own }
    assert.deepEqual(await choose({ config, addonTokenFile: file })(), {
      accessKeyId: 'STS.addon',
      accessKeySecret: 'secret',
      securityToken: 'token',
    })
    writeFileSync(file, JSON.stringify({ ...content, expiration: '1969-01-01T00:00:00Z' }))
    await assert.rejects(choose({ config, addonTokenFile: file })(), /it expired at 1969-01-01T00:00:00Z/)
    assert.equal(await choose({ config })(), own)
    assert.throws(() => choose({ config: { ...config, uid: '123' } }), /Cannot act for the account Global\.uid 123/)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('calls are signed with the keys that count, and carry their token', async () => {
  const seen: string[] = []
  const keysIn = async (request: IncomingMessage) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const parameters = new URLSearchParams(body)
    const { authorization = '', 'x-acs-security-token': token } = request.headers
    const id = parameters.get('AccessKeyId') ?? /Credential=([^,]+)/.exec(authorization)?.[1]
    return `${id} ${parameters.get('SecurityToken') ?? token}`
  }
  const server = createServer(async (request, response) => {
    seen.push(await keysIn(request))
    response.setHeader('content-type', 'application/json').end('{"RequestId":"1"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let keys = { accessKeyId: 'STS.1', accessKeySecret: 's', securityToken: 'token-1' }
  const endpoints = { slb: url, nlb: url, ecs: url, vpc: url }
  const client = createPopClient({ access: { keys: async () => keys, endpoints, region: 'r', clusterId: 'c' } })
  for (const product of ['slb', 'nlb'] as const) await client.call(product, 'DescribeThings', {})
  keys = { accessKeyId: 'STS.2', accessKeySecret: 's', securityToken: 'token-2' }
  for (const product of ['slb', 'nlb'] as const) await client.call(product, 'DescribeThings', {})
  server.close()
  server.closeAllConnections()
  assert.deepEqual(seen, ['STS.1 token-1', 'STS.1 token-1', 'STS.2 token-2', 'STS.2 token-2'])
})
