import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { issueSelfSigned } from '../../cloud/self-signed-certificate.ts'
import { forwardConfig } from '../corefile/forward-config.ts'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { messageOf } from '../server/answer-message.ts'
import { TestUpstream } from '../server/test-upstream.ts'
import { RCODE, rcodeName, TYPE } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import { Forwarder } from './forwarder.ts'

function open(directive: string): { forwarder: Forwarder; errors: unknown[]; [Symbol.dispose](): void } {
  const [block] = parseCorefile(`. {\n${directive}\n}`, { file: 'Corefile' })
  const errors: unknown[] = []
  const forwarder = new Forwarder(forwardConfig(block!.directives[0]!), {
    clock: systemClock,
    random: Math.random,
    observer: { asked() {}, checkFailed() {}, broken() {}, refused() {}, gaveUp: (_, error) => errors.push(error) },
  })
  return { forwarder, errors, [Symbol.dispose]: () => forwarder[Symbol.dispose]() }
}

async function ask(forwarder: Forwarder, name: string, { type = TYPE.A as number, isTcp = false } = {}) {
  const question = new Question().about(encodeName(name), type)
  const answer = await forwarder.ask(question, isTcp)
  const [first] = messageOf(question, answer)?.answers ?? []
  return `${rcodeName(answer.rcode)} ${first !== undefined && 'address' in first.data ? first.data.address : ''}`.trim()
}

test('force_tcp: many questions at a time share one connection, and one that was closed is opened again', async () => {
  await using upstream = await TestUpstream.open()
  using opened = open(`forward . 127.0.0.1:${upstream.port} {\n force_tcp\n}`)
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(opened.forwarder, `n${i}.example.com`)))
  assert.deepEqual(new Set(all), new Set(['NOERROR 192.0.2.1']))
  assert.equal(upstream.connections, 1)
  assert.equal(upstream.ports.length, 0, 'nothing by UDP')
  for (const name of ['last.example.com', 'again.example.com']) {
    assert.equal(await ask(opened.forwarder, name), 'NOERROR 192.0.2.1')
  }
  assert.equal(upstream.connections, 2)
})

test('what came by TCP is passed on by TCP, unless prefer_udp', async () => {
  await using upstream = await TestUpstream.open()
  using plain = open(`forward . 127.0.0.1:${upstream.port}`)
  await ask(plain.forwarder, 'a.example.com', { isTcp: true })
  assert.deepEqual([upstream.connections, upstream.ports.length], [1, 0])
  using udp = open(`forward . 127.0.0.1:${upstream.port} {\n prefer_udp\n}`)
  await ask(udp.forwarder, 'b.example.com', { isTcp: true })
  assert.deepEqual([upstream.connections, upstream.ports.length], [1, 1])
})

test('a connection that nobody uses expires', async () => {
  await using upstream = await TestUpstream.open()
  using opened = open(`forward . 127.0.0.1:${upstream.port} {\n force_tcp\n expire 20ms\n}`)
  await ask(opened.forwarder, 'a.example.com')
  while (upstream.open > 0) await systemClock.sleep(5)
  await ask(opened.forwarder, 'b.example.com')
  assert.equal(upstream.connections, 2)
})

test('tls:// asks by TLS, of the server that tls_servername names and no other', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-dns-tls-'))
  try {
    const { certificatePem, privateKeyPem } = await issueSelfSigned('dns.example')
    const ca = join(directory, 'ca.pem')
    writeFileSync(ca, certificatePem)
    await using upstream = await TestUpstream.open(0, { cert: certificatePem, key: privateKeyPem })
    const to = `127.0.0.1:${upstream.port}`
    using good = open(`forward . tls://${to} {\n tls ${ca}\n tls_servername dns.example\n}`)
    for (const name of ['a.example.com', 'b.example.com']) {
      assert.equal(await ask(good.forwarder, name), 'NOERROR 192.0.2.1')
    }
    assert.deepEqual([upstream.connections, upstream.ports.length], [1, 0])
    using own = open(`forward . tls://127.0.0.1%dns.example:${upstream.port} {\n tls ${ca}\n}`)
    assert.equal(await ask(own.forwarder, 'c.example.com'), 'NOERROR 192.0.2.1')
    for (const wrong of [`tls ${ca}\n tls_servername other.example`, 'tls_servername dns.example']) {
      using opened = open(`forward . tls://${to} {\n ${wrong}\n max_fails 0\n}`)
      assert.equal(await ask(opened.forwarder, 'd.example.com'), 'SERVFAIL')
      assert.equal(opened.errors.length, 1)
    }
    assert.equal(upstream.asked('d.example.com'), 0)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('failover: a code after which the next upstream is asked; the last answer stands when all say so', async () => {
  await using one = await TestUpstream.open()
  await using other = await TestUpstream.open()
  const to = [one, other].map(({ port }) => `127.0.0.1:${port}`).join(' ')
  using opened = open(`forward . ${to} {\n policy sequential\n failover REFUSED\n max_connect_attempts 2\n}`)
  assert.equal(await ask(opened.forwarder, 'refused.example.com'), rcodeName(RCODE.REFUSED))
  assert.deepEqual(
    [one, other].map((upstream) => upstream.asked('refused.example.com')),
    [1, 1],
  )
})
