import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTestBench } from '../apiserver/test-bench.ts'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { namespaces, pods, services } from '../kube/resource.ts'
import { createClient } from '../kube/rest-client.ts'
import { parseCorefile } from './corefile/parse-corefile.ts'
import { serverConfig } from './corefile/server-config.ts'
import { startCorefileServer } from './corefile-server.ts'
import { type DnsServer, type DnsServerOptions, startDnsServer } from './dns-server.ts'
import { expansionOf } from './server/query-log.ts'
import { exchangeUdp, query, until } from './server/test-server.ts'
import { TestUpstream } from './server/test-upstream.ts'
import { rcodeName } from './wire/codes.ts'
import { decodeMessage, type Message } from './wire/message.ts'

async function start(corefile: string, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const blocks = serverConfig(parseCorefile(corefile, { file: 'Corefile' }), 0)
  return startDnsServer({
    blocks: blocks.map((block) => ({ ...block, bind: ['127.0.0.1'] })),
    client: () => assert.fail('no cluster here'),
    log: silentLog,
    clock: systemClock,
    writeLine: () => {},
    onLoop: () => {},
    ...options,
  })
}

async function ask(server: DnsServer, name: string, type = 'A'): Promise<Message> {
  const message = decodeMessage(await exchangeUdp(server.ports[0]!, query(name, type, { udpSize: 1232 })))
  assert.ok(message)
  return message
}

const said = ({ flags, answers }: Message) => [
  rcodeName(flags & 15),
  ...answers.map(({ name, data }) =>
    'address' in data ? data.address : 'target' in data ? `${name} -> ${data.target}` : data.kind,
  ),
]

test('questions are passed on, kept, and asked once when many ask at a time', async () => {
  await using upstream = await TestUpstream.open()
  await using server = await start(`. {\n forward . 127.0.0.1:${upstream.port}\n cache 30\n prometheus 127.0.0.1:0\n}`)
  const first = await Promise.all([1, 2, 3].map(() => ask(server, 'www.example.com')))
  for (const message of first) assert.deepEqual(said(message), ['NOERROR', '192.0.2.1'])
  assert.deepEqual(said(await ask(server, 'WWW.example.com')), ['NOERROR', '192.0.2.1'])
  assert.equal(upstream.asked('www.example.com'), 1)
  for (let i = 0; i < 2; i++) assert.deepEqual(said(await ask(server, 'no.example.com')), ['NXDOMAIN'])
  assert.equal(upstream.asked('no.example.com'), 1)
  assert.equal(new Set(upstream.ports).size, upstream.ports.length, 'a port of its own for each question')
  const text = await server.metricsText()
  assert.match(text, /coredns_cache_hits_total\{[^}]*type="success"\} 1\n/)
  assert.match(text, /coredns_cache_hits_total\{[^}]*type="denial"\} 1\n/)
  assert.match(
    text,
    /coredns_dns_requests_total\{server="dns:\/\/127\.0\.0\.1:0",zone="\.",view="",proto="udp",family="1",type="A"\} 6/,
  )
  assert.match(text, /coredns_build_info\{/)
})

test('any free port is one that is free for TCP as well as for UDP', async () => {
  const taken = Array.from({ length: 1000 }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(taken.map((server) => once(server, 'listening')))
  const ports = new Set<number>()
  try {
    for (let i = 0; i < 100; i++) {
      await using server = await start('. {\n hosts\n}')
      ports.add(server.ports[0]!)
    }
  } finally {
    for (const server of taken) server.close()
  }
  assert.ok(ports.size > 50)
})

test('what is cut off is asked for again by TCP; forged answers are not heard', async () => {
  await using upstream = await TestUpstream.open()
  await using server = await start(`. {\n forward . 127.0.0.1:${upstream.port}\n}`)
  const large = await ask(server, 'large.example.com', 'TXT')
  assert.ok(large.answers.length > 5)
  assert.deepEqual(said(await ask(server, 'forged.example.com')), ['NOERROR', '192.0.2.1'])
})

test('an upstream that does not answer is passed over, and found again; with none left it is SERVFAIL', async () => {
  await using upstream = await TestUpstream.open()
  const closed = await TestUpstream.open()
  const { port } = closed
  await closed[Symbol.asyncDispose]()
  const lines: string[] = []
  const forward = `forward . 127.0.0.1:${port} 127.0.0.1:${upstream.port} {\n policy sequential\n}`
  await using server = await start(`. {\n ${forward}\n}`)
  for (let i = 0; i < 5; i++) assert.deepEqual(said(await ask(server, `n${i}.example.com`)), ['NOERROR', '192.0.2.1'])
  await using alone = await start(`. {\n errors\n forward . 127.0.0.1:${port}\n}`, {
    writeLine: (line) => lines.push(line),
  })
  assert.deepEqual(said(await ask(alone, 'www.example.com')), ['SERVFAIL'])
  assert.match(lines[0] ?? '', /^\[ERROR\] plugin\/errors: 2 www\.example\.com\. A: /)
  await using again = await TestUpstream.open(port)
  assert.deepEqual(said(await ask(alone, 'www.example.com')), ['NOERROR', '192.0.2.1'])
  assert.equal(again.asked('www.example.com'), 1)
})

test('the longest zone answers, other zones are refused, and so are other classes', async () => {
  await using upstream = await TestUpstream.open()
  await using server = await start(
    `example.com {\n forward . 127.0.0.1:${upstream.port}\n}\nhosts.example.com {\n hosts {\n 10.9.9.9 a.hosts.example.com\n }\n}`,
  )
  assert.deepEqual(said(await ask(server, 'b.example.com')), ['NOERROR', '192.0.2.1'])
  assert.deepEqual(said(await ask(server, 'a.hosts.example.com')), ['NOERROR', '10.9.9.9'])
  assert.deepEqual(said(await ask(server, 'a.hosts.example.com', 'AAAA')), ['NOERROR'])
  assert.deepEqual(said(await ask(server, 'b.hosts.example.com')), ['SERVFAIL'])
  assert.deepEqual(said(await ask(server, 'example.org')), ['REFUSED'])
  const chaos = query('b.example.com')
  chaos.writeUInt16BE(3, chaos.length - 2)
  assert.equal((decodeMessage(await exchangeUdp(server.ports[0]!, chaos))?.flags ?? 0) & 15, 5)
})

test('hosts: other types of a name fall through where it is wished', async () => {
  await using upstream = await TestUpstream.open()
  for (const [option, wanted] of [
    ['fallthrough', ['NOERROR']],
    ['fallthrough\n fallthrough_unsupported', ['NOERROR', 'TXT']],
  ] as const) {
    const hosts = `hosts {\n 10.9.9.9 a.example.com\n ${option}\n }`
    await using server = await start(`. {\n ${hosts}\n forward . 127.0.0.1:${upstream.port}\n}`)
    assert.deepEqual(said(await ask(server, 'a.example.com', 'TXT')), wanted)
    assert.deepEqual(said(await ask(server, 'a.example.com')), ['NOERROR', '10.9.9.9'])
    assert.deepEqual(said(await ask(server, 'a.example.com', 'AAAA')), ['NOERROR'])
    assert.deepEqual(said(await ask(server, 'b.example.com')), ['NOERROR', '192.0.2.1'])
  }
})

test('rewritten names are answered as they were asked', async () => {
  await using upstream = await TestUpstream.open()
  await using server = await start(
    `. {\n rewrite name suffix .old.org .example.com answer auto\n rewrite type TXT A\n forward . 127.0.0.1:${upstream.port}\n}`,
  )
  const message = await ask(server, 'www.old.org')
  assert.deepEqual(message.answers, [{ name: 'www.old.org', ttl: 60, data: { kind: 'A', address: '192.0.2.1' } }])
  assert.equal(upstream.asked('www.example.com'), 1)
})

test('next: another directive forward is asked after a code; classes are for those who rewrite them', async () => {
  await using inside = await TestUpstream.open()
  await using outside = await TestUpstream.open()
  const first = `forward . 127.0.0.1:${inside.port} {\n next NXDOMAIN\n}`
  await using server = await start(`. {\n rewrite class CH IN\n ${first}\n forward . 127.0.0.1:${outside.port}\n}`)
  assert.deepEqual(said(await ask(server, 'www.example.com')), ['NOERROR', '192.0.2.1'])
  assert.deepEqual(said(await ask(server, 'no.example.com')), ['NXDOMAIN'])
  assert.deepEqual([outside.asked('www.example.com'), outside.asked('no.example.com')], [0, 1])
  const packet = query('chaos.example.com')
  for (const [number, rcode] of [
    [3, 'NOERROR'],
    [4, 'REFUSED'],
  ] as const) {
    packet.writeUInt16BE(number, packet.length - 2)
    assert.equal(rcodeName((decodeMessage(await exchangeUdp(server.ports[0]!, packet))?.flags ?? 0) & 15), rcode)
  }
})

test('loadbalance: what upstreams say takes turns; weights and preferred networks decide who is first', async () => {
  await using upstream = await TestUpstream.open()
  const directory = mkdtempSync(join(tmpdir(), 'fl-dns-'))
  try {
    const weights = join(directory, 'weights')
    writeFileSync(weights, 'several.example.com\n192.0.2.2 255\n')
    const rest = `forward . 127.0.0.1:${upstream.port}\n cache 30`
    for (const [directive, random, wanted] of [
      ['', 0.5, ['192.0.2.1']],
      ['loadbalance', 0.5, ['192.0.2.1', '192.0.2.2', '192.0.2.3']],
      [`loadbalance weighted ${weights}`, 0.5, ['192.0.2.2']],
      [`loadbalance weighted ${weights}`, 0, ['192.0.2.1']],
      ['loadbalance {\n prefer 192.0.2.3/32\n }', 0.5, ['192.0.2.3']],
    ] as const) {
      await using server = await start(`. {\n ${directive}\n ${rest}\n}`, { random: () => random })
      const first = new Set<unknown>()
      for (let i = 0; i < 6; i++) {
        const [code, ...addresses] = said(await ask(server, 'several.example.com'))
        assert.equal(code, 'NOERROR')
        assert.deepEqual([...addresses].sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
        first.add(addresses[0])
      }
      assert.deepEqual([...first].sort(), wanted, directive)
    }
    assert.equal(upstream.asked('several.example.com'), 5)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('options that rules name go on to upstreams, and answers to them are kept apart', async () => {
  await using upstream = await TestUpstream.open()
  const rules = 'rewrite edns0 local set 0xffee {protocol}\n rewrite edns0 nsid unset'
  await using server = await start(`. {\n ${rules}\n forward . 127.0.0.1:${upstream.port}\n cache 30\n}`)
  const own = [
    { code: 0xffee, data: Buffer.from('x') },
    { code: 10, data: Buffer.from('biscuits') },
  ]
  const packet = query('a.example.com', 'A', { udpSize: 1232, edns: own })
  const answer = decodeMessage(await exchangeUdp(server.ports[0]!, packet))
  assert.deepEqual(answer?.edns, { udpSize: 1232, ttl: 0 }, 'no option comes back')
  assert.deepEqual(upstream.options.get('a.example.com'), ['65518 756470'])
  await ask(server, 'a.example.com')
  assert.equal(upstream.asked('a.example.com'), 1)
  await using plain = await start(`. {\n forward . 127.0.0.1:${upstream.port}\n}`)
  await exchangeUdp(plain.ports[0]!, packet)
  assert.deepEqual(upstream.options.get('a.example.com'), [], 'options are for one server alone')
})

test('a circle of forwarding is found', async () => {
  await using holder = await TestUpstream.open()
  const { port } = holder
  await holder[Symbol.asyncDispose]()
  let tell = (_: string) => {}
  const looped = new Promise<string>((resolve) => {
    tell = resolve
  })
  await using server = await start(`.:${port} {\n loop\n forward . 127.0.0.1:${port}\n}`, {
    onLoop: (text) => tell(text),
  })
  assert.match(await looped, /^Loop \(127\.0\.0\.1:\d+ -> :\d+\) detected for zone "\."/)
  assert.equal(server.ports.length, 1)
})

const web = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { ports: [{ name: 'http', port: 80 }] },
}

test('names follow the API, also through autopath, and an alias that leads out is followed', async () => {
  await using bench = await openTestBench()
  await using upstream = await TestUpstream.open()
  const client = createClient(bench.transport)
  const lines: string[] = []
  await using server = await start(
    `. {\n log\n health 127.0.0.1:0\n autopath @kubernetes\n kubernetes cluster.local in-addr.arpa {\n pods verified\n }\n forward . 127.0.0.1:${upstream.port}\n prometheus 127.0.0.1:0\n}`,
    { client: () => client, writeLine: (line) => lines.push(line) },
  )
  await server.synced
  assert.deepEqual(said(await ask(server, 'kubernetes.default.svc.cluster.local')), ['NOERROR', '10.96.0.1'])
  assert.deepEqual(said(await ask(server, 'web.default.svc.cluster.local')), ['NXDOMAIN'])
  const created = await client.create(services, web as never)
  await until(async () => (await ask(server, 'web.default.svc.cluster.local')).answers.length > 0)
  await client.create(services, {
    ...web,
    metadata: { name: 'out', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'www.example.com' },
  } as never)
  await until(async () => (await ask(server, 'out.default.svc.cluster.local')).answers.length > 0)
  assert.deepEqual(said(await ask(server, 'out.default.svc.cluster.local')), [
    'NOERROR',
    'out.default.svc.cluster.local -> www.example.com',
    '192.0.2.1',
  ])
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } as never)
  await until(async () => said(await ask(server, 'team.svc.cluster.local'))[0] === 'NOERROR')
  await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'me', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'fairlead/echo' }] },
  } as never)
  await bench.call(
    'PATCH',
    '/api/v1/namespaces/default/pods/me/status',
    { status: { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } },
    'application/merge-patch+json',
  )
  const expanded = 'www.example.com.default.svc.cluster.local'
  await until(async () => said(await ask(server, expanded))[0] === 'NOERROR')
  assert.deepEqual(said(await ask(server, expanded)), ['NOERROR', `${expanded} -> www.example.com`, '192.0.2.1'])
  assert.match(
    lines.at(-1) ?? '',
    /^\[INFO\] 127\.0\.0\.1:\d+ - 4660 "A IN www\.example\.com\.default\.svc\.cluster\.local\. udp \d+ false 1232" NOERROR qr,/,
  )
  assert.match(await server.metricsText(), /coredns_autopath_success_total/)
  await client.delete(services, { namespace: 'default', name: created.metadata.name })
  // What is no more in the cluster is looked for with the rest of the search list.
  const gone = 'web.default.svc.cluster.local'
  await until(async () => said(await ask(server, gone))[1] === `${gone} -> web`)
})

test('a changed Corefile is taken over without closing the socket; one that is wrong is told and left', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-dns-'))
  try {
    const path = join(directory, 'Corefile')
    const write = (address: string) =>
      writeFileSync(path, `.:0 {\n bind 127.0.0.1\n hosts {\n ${address} a.test\n }\n reload 2s 1s\n}\n`)
    write('10.0.0.1')
    const ticks: (() => void)[] = []
    const sleep = (_: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        ticks.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    await using server = await startCorefileServer({
      path,
      env: {},
      client: () => assert.fail('no cluster here'),
      log: silentLog,
      clock: { ...systemClock, sleep },
      writeLine: () => {},
      onLoop: () => {},
    })
    const [port] = server.ports
    assert.deepEqual(said(await ask(server, 'a.test')), ['NOERROR', '10.0.0.1'])
    writeFileSync(path, '. {\n nonsense\n}\n')
    ticks.shift()?.()
    await until(async () => /coredns_reload_failed_total 1/.test(await server.metricsText()))
    assert.deepEqual(said(await ask(server, 'a.test')), ['NOERROR', '10.0.0.1'])
    write('10.0.0.2')
    ticks.shift()?.()
    await until(async () => said(await ask(server, 'a.test'))[1] === '10.0.0.2')
    assert.deepEqual(server.ports, [port])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the names that a resolver tries, in its order', () => {
  const search = ['default.svc.cluster.local', 'svc.cluster.local']
  assert.deepEqual(
    expansionOf('web', search).map(({ name }) => name),
    ['web.default.svc.cluster.local', 'web.svc.cluster.local', 'web'],
  )
  assert.deepEqual(
    expansionOf('a.b.c.d.e.f', search).map(({ because }) => because),
    ['as given', 'search list', 'search list'],
  )
  assert.deepEqual(expansionOf('web.', search), [{ name: 'web', because: 'as given' }])
})
