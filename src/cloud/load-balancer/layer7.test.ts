/** Layer 7 by requests: clients on the internet, HAProxy in the VPC, servers in nodes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemErrorCode } from '../../base/error.ts'
import { issueSelfSigned } from '../self-signed-certificate.ts'
import { findHaproxy } from './layer7/find-haproxy.ts'
import type { ListenerPlan } from './plan.ts'
import {
  backend,
  closed,
  firstLine,
  HeldClock,
  httpListener,
  LAYER7,
  TestLoadBalancer,
  tcpListener,
} from './test-load-balancer.ts'

const VIP = '203.0.113.10'
const skip = missingTool()

function missingTool(): string | false {
  try {
    findHaproxy()
    return false
  } catch (error) {
    return `no haproxy (${systemErrorCode(error)})`
  }
}

interface Seen {
  readonly n: number
  readonly client: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** What curl prints, called on the internet. */
function curl(lb: TestLoadBalancer, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = [`--net=${lb.internet}`, 'curl', '-s', '-S', '--max-time', '5', ...args]
    execFile('nsenter', options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`curl ${args.join(' ')}: ${stderr}`))
    })
  })
}

async function see(lb: TestLoadBalancer, ...args: string[]): Promise<Seen> {
  return JSON.parse(await curl(lb, ...args, `http://${VIP}/`)) as Seen
}

async function tlsListener(change: Partial<NonNullable<NonNullable<ListenerPlan['layer7']>['tls']>> = {}) {
  const certificates = {
    default: await issueSelfSigned('www.example.test'),
    byDomain: new Map([['shop.example.test', await issueSelfSigned('shop.example.test')]]),
  }
  const tls = {
    certificateId: 'c',
    http2: true,
    cipherPolicy: 'tls_cipher_policy_1_2',
    domainExtensions: [],
    ...change,
  } as const
  const https = {
    key: 'lb-test/tcp/443',
    port: 443,
    protocol: 'https',
    layer7: { ...LAYER7, tls, certificates },
  } as const
  return httpListener(2, https)
}

test('HTTP', { skip }, async (t) => {
  await using lb = new TestLoadBalancer('l7')
  const plane = lb.plane()
  for (const n of [1, 2]) lb.http(n)

  await t.test('turns, the source address of load balancers, and who the client is', async () => {
    await plane.apply({ listeners: [httpListener(2)] })
    const seen = [await see(lb), await see(lb, '-H', 'X-Forwarded-For: 10.9.9.9'), await see(lb), await see(lb)]
    assert.deepEqual(seen.map(({ n }) => n).toSorted(), [1, 1, 2, 2])
    assert.equal(seen[0]?.client, '100.64.0.1')
    assert.equal(seen[0]?.headers['x-forwarded-for'], '198.51.100.2')
    assert.equal(seen[1]?.headers['x-forwarded-for'], '10.9.9.9, 198.51.100.2')
    assert.equal(seen[0]?.headers['x-forwarded-proto'], undefined)
  })

  await t.test('headers that tell of the listener, when they are on', async () => {
    const forwardedFor = { proto: true, slbPort: true, slbIp: true, slbId: true, clientSrcPort: true }
    await plane.apply({ listeners: [httpListener(2, { layer7: { ...LAYER7, forwardedFor } })] })
    const { headers } = await see(lb, '--local-port', '45000')
    assert.equal(headers['x-forwarded-proto'], 'http')
    assert.equal(headers['x-forwarded-port'], '80')
    assert.equal(headers['x-forwarded-client-srcport'], '45000')
    assert.equal(headers['slb-ip'], VIP)
    assert.equal(headers['slb-id'], 'lb-test')
  })

  await t.test('weights by turns; weight 0 and nobody left: 503', async () => {
    const weighted = [backend(1, { weight: 3 }), backend(2, { weight: 1 })]
    await plane.apply({ listeners: [httpListener(2, { scheduler: 'wrr', backends: weighted })] })
    const seen: number[] = []
    for (let i = 0; i < 8; i += 1) seen.push((await see(lb)).n)
    assert.equal(seen.filter((n) => n === 1).length, 6)
    await plane.apply({ listeners: [httpListener(2, { backends: [backend(1, { weight: 0 })] })] })
    assert.match(await curl(lb, '-i', `http://${VIP}/`), /^HTTP\/1\.1 503 /)
  })

  await t.test("sticky by a cookie of its own, or by rewriting the backend's", async () => {
    const jar = join(lb.directory, 'cookies')
    const insert = { type: 'insert', timeout: 100 } as const
    await plane.apply({ listeners: [httpListener(2, { layer7: { ...LAYER7, stickySession: insert } })] })
    const first = await see(lb, '-c', jar)
    for (let i = 0; i < 4; i += 1) assert.equal((await see(lb, '-b', jar, '-c', jar)).n, first.n)
    const cookie = (await curl(lb, '-i', `http://${VIP}/`)).match(/set-cookie: SERVERID=[0-9a-f]{32}\S*/i)?.[0]
    assert.ok(cookie)
    const serving = [backend(first.n, { weight: 0 }), backend(3 - first.n)]
    await plane.apply({
      listeners: [httpListener(2, { layer7: { ...LAYER7, stickySession: insert }, backends: serving })],
    })
    assert.notEqual((await see(lb, '-b', jar)).n, first.n)

    const names = [3, 4].map((n) => {
      lb.http(n).prependListener('request', (_request, response) => response.setHeader('set-cookie', 'SESSION=mine'))
      return backend(n)
    })
    const server = { type: 'server', cookie: 'SESSION' } as const
    await plane.apply({
      listeners: [httpListener(2, { layer7: { ...LAYER7, stickySession: server }, backends: names })],
    })
    const second = await see(lb, '-c', jar)
    for (let i = 0; i < 4; i += 1) assert.equal((await see(lb, '-b', jar, '-c', jar)).n, second.n)
    assert.doesNotMatch(await curl(lb, '-i', `http://${VIP}/`), /SESSION=mine/)
  })

  await t.test('504 when a backend takes longer than it may', async () => {
    lb.node(5)
    const slow = lb.http(5)
    slow.removeAllListeners('request')
    const layer7 = { ...LAYER7, requestTimeout: 1 }
    await plane.apply({ listeners: [httpListener(2, { layer7, backends: [backend(5)] })] })
    assert.match(await curl(lb, '-i', `http://${VIP}/`), /^HTTP\/1\.1 504 /)
  })

  await t.test('gzip for text that is not encoded already', async () => {
    lb.http(6, () => 'word '.repeat(1000))
    lb.http(7, () => 'x').prependListener('request', (_request, response) =>
      response.setHeader('content-encoding', 'br'),
    )
    const layer7 = { ...LAYER7, gzip: true }
    await plane.apply({ listeners: [httpListener(2, { layer7, backends: [backend(6)] })] })
    assert.match(await curl(lb, '-i', '--compressed', `http://${VIP}/`), /content-encoding: gzip[\s\S]*word word/i)
    assert.doesNotMatch(await curl(lb, '-i', `http://${VIP}/`), /content-encoding/i)
    await plane.apply({ listeners: [httpListener(2, { layer7, backends: [backend(7)] })] })
    assert.match(await curl(lb, '-i', '-H', 'Accept-Encoding: gzip', `http://${VIP}/`), /content-encoding: br/i)
  })

  await t.test('WebSocket', async () => {
    const server = lb.http(8)
    server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64')
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      )
      socket.on('data', (data) => socket.write(data))
    })
    await plane.apply({ listeners: [httpListener(1, { backends: [backend(8)] })] })
    const socket = await lb.connect(VIP, 80)
    socket.write(
      `GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    assert.match(await firstLine(socket), / 101 /)
    // A listener more is a reload: the connection stays with the worker that has it.
    await plane.apply({
      listeners: [httpListener(1, { backends: [backend(8)] }), httpListener(1, { key: 'lb-test/tcp/81', port: 81 })],
    })
    const echoed = new Promise<string>((resolve) => socket.on('data', (data) => resolve(data.toString())))
    socket.write('frame')
    assert.match(await echoed, /frame/)
    socket.destroy()
  })

  await t.test('an ACL, and counts', async () => {
    const acl = { type: 'black', cidrs: ['198.51.100.0/24'] } as const
    await plane.apply({ listeners: [httpListener(2, { acl })] })
    await assert.rejects(see(lb), /reset|empty reply|failed to connect/i)
    await plane.apply({ listeners: [httpListener(2)] })
    const before = (await plane.report()).traffic.get('lb-test/tcp/80')?.requests ?? 0n
    await see(lb)
    await see(lb)
    const after = (await plane.report()).traffic.get('lb-test/tcp/80')?.requests ?? 0n
    assert.equal(after - before, 2n)
  })

  await t.test('the Proxy Protocol tells a TCP backend its client', async () => {
    const layer4 = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: true }
    const received = new Promise<Buffer>((resolve) => {
      lb.http(9, undefined, 99)
        .removeAllListeners('connection')
        .on('connection', (socket) => {
          socket.once('data', resolve)
          socket.resume()
        })
    })
    await plane.apply({ listeners: [tcpListener(1, { layer4, backends: [backend(9, { port: 99 })] })] })
    const socket = await lb.connect(VIP, 80, { localAddress: '198.51.100.2', localPort: 46_000 })
    socket.write('hello')
    const header = await received
    assert.deepEqual(header.subarray(0, 12), Buffer.from('0d0a0d0a000d0a515549540a', 'hex'))
    assert.deepEqual([...header.subarray(12, 14)], [0x21, 0x11])
    assert.deepEqual([...header.subarray(16, 24)], [198, 51, 100, 2, 203, 0, 113, 10])
    assert.equal(header.readUInt16BE(24), 46_000)
    socket.destroy()
    await closed(socket)
  })
})

test('a directory whose path is longer than the address of a socket may be', { skip }, async () => {
  await using lb = new TestLoadBalancer('long', join('d'.repeat(100), 'e'.repeat(100)))
  lb.http(1, () => 'one')
  lb.http(2, () => 'two')
  const plane = lb.plane()
  const carry = async (n: number) => {
    await plane.apply({ listeners: [httpListener(0, { backends: [backend(n)] })] })
    return curl(lb, `http://${VIP}/`)
  }
  assert.equal(await carry(1), 'one')
  const pid = lb.haproxyPid()
  assert.equal(await carry(2), 'two')
  await plane.apply({ listeners: [httpListener(1, { port: 81 })] })
  assert.equal(await curl(lb, `http://${VIP}:81/`), 'one')
  assert.equal(lb.haproxyPid(), pid)
})

test('TCP that HAProxy carries', { skip }, async (t) => {
  await using lb = new TestLoadBalancer('l7t')
  const clock = new HeldClock()
  const plane = lb.plane(clock)
  for (const n of [1, 2]) lb.tcp(n)
  const address = '2001:db8:1::20'
  const listenerFor = (n: number, drain?: number) => {
    const layer4 = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false }
    const draining = drain === undefined ? layer4 : { ...layer4, connectionDrainTimeout: drain }
    return tcpListener(1, { address, layer4: draining, backends: [backend(n)] })
  }

  await t.test('an IPv6 address before IPv4 backends; drain', async () => {
    for (const drain of [undefined, 10]) {
      await plane.apply({ listeners: [listenerFor(1, drain)] })
      const worker = lb.inVpc('ss -Hltnp')
      const socket = await lb.connect(address, 80)
      assert.match(await firstLine(socket), /^1 (::ffff:)?100\.64\.0\.1 /)
      await plane.apply({ listeners: [listenerFor(2, drain)] })
      assert.equal(lb.inVpc('ss -Hltnp'), worker, 'another backend is no reload')
      assert.match(await lb.ask(address, 80), /^2 /)
      socket.write('still there\n')
      assert.equal(await firstLine(socket), 'still there')
      assert.equal(clock.release(10_000), drain === undefined ? 0 : 1)
      if (drain === undefined) socket.destroy()
      else await closed(socket)
    }
  })
})

test('HTTPS', { skip }, async (t) => {
  await using lb = new TestLoadBalancer('l7s')
  const plane = lb.plane()
  for (const n of [1, 2]) lb.http(n)
  const https = (name: string, ...args: string[]) =>
    curl(lb, '-k', '--resolve', `${name}:443:${VIP}`, ...args, `https://${name}/`)

  await t.test('HTTP/2 by choice, and X-Forwarded-Proto', async () => {
    const listener = await tlsListener()
    const layer7 = { ...LAYER7, ...listener.layer7, forwardedFor: { ...LAYER7.forwardedFor, proto: true } }
    await plane.apply({ listeners: [{ ...listener, layer7 }] })
    assert.match(await https('www.example.test', '-i', '--http2'), /^HTTP\/2 200/)
    assert.equal((JSON.parse(await https('www.example.test')) as Seen).headers['x-forwarded-proto'], 'https')
    await plane.apply({ listeners: [await tlsListener({ http2: false })] })
    assert.match(await https('www.example.test', '-i', '--http2'), /^HTTP\/1\.1 200/)
  })

  await t.test('the certificate of the name that the client asks for', async () => {
    const listener = await tlsListener()
    await plane.apply({ listeners: [listener] })
    for (const [name, keyed] of [
      ['www.example.test', listener.layer7?.certificates?.default],
      ['shop.example.test', listener.layer7?.certificates?.byDomain.get('shop.example.test')],
    ] as const) {
      const ca = join(lb.directory, 'ca.pem')
      writeFileSync(ca, keyed?.certificatePem ?? '')
      await curl(lb, '--cacert', ca, '--resolve', `${name}:443:${VIP}`, `https://${name}/`)
    }
  })

  await t.test('TLS versions by policy', async () => {
    const versions = ['1.0', '1.1', '1.2', '1.3'] as const
    const wanted = {
      tls_cipher_policy_1_0: ['1.0', '1.1', '1.2'],
      tls_cipher_policy_1_1: ['1.1', '1.2'],
      tls_cipher_policy_1_2: ['1.2'],
      tls_cipher_policy_1_2_strict: ['1.2'],
      tls_cipher_policy_1_2_strict_with_1_3: ['1.2', '1.3'],
    } as const
    for (const [cipherPolicy, accepted] of Object.entries(wanted)) {
      await plane.apply({ listeners: [await tlsListener({ cipherPolicy: cipherPolicy as keyof typeof wanted })] })
      const got: string[] = []
      for (const version of versions) {
        const args = [`--tlsv${version}`, '--tls-max', version, '--ciphers', 'DEFAULT@SECLEVEL=0']
        const ok = await https('www.example.test', ...args).then(
          () => true,
          (error: Error) => {
            assert.match(error.message, /alert|protocol|TLS|SSL/)
            return false
          },
        )
        if (ok) got.push(version)
      }
      assert.deepEqual(got, accepted, cipherPolicy)
    }
  })

  await t.test('HTTP is sent on to HTTPS', async () => {
    const plain = httpListener(0, { backends: [], layer7: { ...LAYER7, forwardPort: 443 } })
    await plane.apply({ listeners: [await tlsListener(), plain] })
    const answer = await curl(lb, '-i', '-H', 'Host: www.example.test:80', `http://${VIP}/a/b?c=d`)
    assert.match(answer, /^HTTP\/1\.1 301 /)
    assert.match(answer, /location: https:\/\/www\.example\.test\/a\/b\?c=d\r/i)
  })

  await t.test('TLS for plain TCP', async () => {
    const listener = await tlsListener()
    await plane.apply({ listeners: [{ ...listener, protocol: 'tcpssl' }] })
    const seen = JSON.parse(await https('www.example.test')) as Seen
    assert.equal(seen.client, '100.64.0.1')
    assert.equal(seen.headers['x-forwarded-for'], undefined)
  })

  await t.test('one that HAProxy does not take harms no other', async () => {
    const broken = await tlsListener()
    const certificates = { default: { certificatePem: 'no', privateKeyPem: 'no' }, byDomain: new Map() }
    const bad = { ...broken, layer7: { ...LAYER7, ...broken.layer7, certificates } }
    await plane.apply({ listeners: [bad, httpListener(2)] })
    assert.ok((await see(lb)).n > 0)
    const { problems } = await plane.report()
    assert.deepEqual([...problems.keys()], ['lb-test/tcp/443'])
  })
})
