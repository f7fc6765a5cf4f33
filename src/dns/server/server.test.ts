import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { FLAG, RCODE, TYPE, UDP_SIZE } from '../wire/codes.ts'
import { decodeMessage } from '../wire/message.ts'
import { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import { TcpServer } from './tcp-server.ts'
import { exchangeUdp, query, testResponder, testZone } from './test-server.ts'
import { UdpServer } from './udp-server.ts'

const WEB = 'web.default.svc.cluster.local'
const MANY = 'many.default.svc.cluster.local'
const asker: Asker = { address: '127.0.0.1', port: 1, protocol: 'udp', family: 4 }

async function openUdpServer(many: number, plain: boolean, host = '127.0.0.1'): Promise<UdpServer> {
  return UdpServer.open({ host, port: 0, responder: testResponder(testZone(many)), log: silentLog, plain })
}

for (const plain of [false, true]) {
  const way = plain ? 'one by one' : 'in batches'

  test(`UDP ${way}: answers bear the id and the spelling of the question`, async () => {
    await using server = await openUdpServer(3, plain)
    assert.equal(server.isBatched, !plain)
    const answer = decodeMessage(
      await exchangeUdp(server.port, query('WeB.Default.svc.CLUSTER.local', 'A', { id: 77 })),
    )
    assert.equal(answer?.id, 77)
    assert.equal(answer?.question?.name, 'WeB.Default.svc.CLUSTER.local')
    assert.deepEqual(answer?.answers, [
      { name: 'WeB.Default.svc.CLUSTER.local', ttl: 5, data: { kind: 'A', address: '10.96.0.5' } },
    ])
    assert.equal(answer?.edns, undefined)
  })

  test(`UDP ${way}: many at once are all answered, each its own`, async () => {
    await using server = await openUdpServer(3, plain)
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        exchangeUdp(server.port, query(i % 2 === 0 ? WEB : `no-${i}.default.svc.cluster.local`, 'A', { id: i })),
      ),
    )
    for (const [i, bytes] of answers.entries()) {
      const answer = decodeMessage(bytes)
      assert.equal(answer?.id, i)
      assert.equal((answer?.flags ?? 0) & 15, i % 2 === 0 ? RCODE.NOERROR : RCODE.NXDOMAIN)
    }
  })
}

test('UDP over IPv6', async () => {
  await using server = await openUdpServer(3, false, '::1')
  const answer = decodeMessage(await exchangeUdp(server.port, query(WEB), '::1'))
  assert.equal(answer?.answers.length, 1)
})

test('a port that is taken is told', async () => {
  await using server = await openUdpServer(3, false)
  const { port } = server
  for (const plain of [false, true]) {
    await assert.rejects(
      UdpServer.open({ host: '127.0.0.1', port, responder: testResponder(testZone()), log: silentLog, plain }),
      (error) => isFairleadError(error, 'PORT_TAKEN'),
    )
  }
})

test('an answer that does not fit has TC, whole records, and the size that was asked for', async () => {
  await using server = await openUdpServer(200, false)
  for (const [udpSize, limit] of [
    [undefined, 512],
    [100, 512],
    [900, 900],
    [65_535, UDP_SIZE],
  ] as const) {
    const bytes = await exchangeUdp(server.port, query(MANY, 'A', udpSize === undefined ? {} : { udpSize }))
    assert.ok(bytes.length <= limit && bytes.length > limit - 32, `${bytes.length} of ${limit}`)
    const answer = decodeMessage(bytes)
    assert.ok(answer && (answer.flags & FLAG.TC) !== 0)
    assert.equal(answer.edns?.udpSize, udpSize === undefined ? undefined : UDP_SIZE)
  }
})

test('additional records that do not fit are left out without TC', async () => {
  await using server = await openUdpServer(7, false)
  const bytes = await exchangeUdp(server.port, query(`_http._tcp.${MANY}`, 'SRV'))
  const answer = decodeMessage(bytes)
  assert.equal(answer?.answers.length, 7)
  assert.ok(bytes.length <= 512 && answer.additionals.length < 7)
  assert.equal(answer.flags & FLAG.TC, 0)
})

test('addresses take turns in being first', async () => {
  await using server = await openUdpServer(3, false)
  const first = new Set<unknown>()
  for (let i = 0; i < 6; i++) {
    const answer = decodeMessage(await exchangeUdp(server.port, query(MANY)))
    assert.equal(answer?.answers.length, 3)
    first.add(JSON.stringify(answer.answers[0]))
  }
  assert.equal(first.size, 3)
})

/** Asks without a network. */
function respond(packet: Buffer): Buffer {
  const question = new Question()
  const out = Buffer.alloc(UDP_SIZE + 48)
  const state = question.read(packet, 0, packet.length)
  const length = hostileResponder.respond(state, question, asker, { out, at: 0 })
  assert.ok(typeof length === 'number')
  return out.subarray(0, length)
}
const hostileResponder = testResponder(testZone(100))

test('what cannot be answered is refused with the code of its standard, or not answered', () => {
  const changed = (change: (bytes: Buffer) => void, type = 'A') => {
    const packet = query(WEB, type, { udpSize: 1232 })
    change(packet)
    const bytes = respond(packet)
    const answer = decodeMessage(bytes)
    return bytes.length === 0 ? 'silence' : (answer?.flags ?? 0) & 15
  }
  const edns = query(WEB, 'A', { udpSize: 1232 }).length - 11
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(FLAG.QR, 2)),
    'silence',
  )
  assert.equal(respond(query(WEB).subarray(0, 11)).length, 0)
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(4 << 11, 2)),
    RCODE.NOTIMP,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(5 << 11, 2)),
    RCODE.NOTIMP,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(0, 4)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(2, 4)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(2, 6)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(3, 10)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt16BE(9, edns + 9)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((bytes) => bytes.writeUInt8(0xc0, 12)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed(() => {}, 'TYPE64999'),
    RCODE.NOERROR,
  )
  assert.equal(
    changed(() => {}, 'AXFR'),
    RCODE.REFUSED,
  )
  assert.equal(
    changed(() => {}, 'IXFR'),
    RCODE.REFUSED,
  )
  // RFC 6891 §6.1.3: the rest of the code is in the OPT record.
  const packet = query(WEB, 'A', { udpSize: 1232 })
  packet.writeUInt8(1, edns + 6)
  const answer = decodeMessage(respond(packet))
  assert.deepEqual([(answer?.flags ?? 0) & 15, (answer?.edns?.ttl ?? 0) >>> 24], [0, 1])
})

test('100,000 changed packets: no crash, no wrong id, no more bytes than were asked for', () => {
  const packets = ['A', 'AAAA', 'SRV', 'ANY', 'TXT', 'SOA', 'AXFR'].flatMap((type) => [
    query(WEB, type),
    query(MANY, type, { udpSize: 1232 }),
    query(`_http._tcp.${MANY}`, type, { udpSize: 512 }),
    query('cluster.local', type, { udpSize: 4096 }),
  ])
  let random = fc.sample(fc.integer({ min: 1 }), 1)[0] ?? 1
  const next = (limit: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
    return (random >>> 8) % limit
  }
  let answered = 0
  for (let i = 0; i < 100_000; i++) {
    const packet = Buffer.from(packets[next(packets.length)]!)
    for (let changes = next(5); changes >= 0; changes--) packet[next(packet.length)] = next(256)
    const sent = next(4) === 0 ? packet.subarray(0, next(packet.length)) : packet
    const bytes = respond(sent)
    if (bytes.length === 0) continue
    answered++
    assert.equal(bytes.readUInt16BE(0), sent.readUInt16BE(0))
    assert.ok((bytes[2]! & 0x80) !== 0, 'QR')
    const question = new Question()
    question.read(sent, 0, sent.length)
    assert.ok(bytes.length <= Math.min(UDP_SIZE, question.udpSize))
    if (!decodeMessage(bytes)) assert.fail(`malformed answer to ${sent.toString('hex')}: ${bytes.toString('hex')}`)
  }
  assert.ok(answered > 10_000)
})

interface TcpClient {
  readonly socket: Socket
  /** Resolves with so many answers. */
  take(count: number): Promise<Buffer[]>
}

async function connectTo(port: number): Promise<TcpClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let bytes = Buffer.alloc(0)
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data])
  })
  return {
    socket,
    async take(count) {
      const answers: Buffer[] = []
      for (;;) {
        while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
          answers.push(bytes.subarray(2, 2 + bytes.readUInt16BE(0)))
          bytes = bytes.subarray(2 + bytes.readUInt16BE(0))
        }
        if (answers.length >= count) return answers
        await once(socket, 'data')
      }
    },
  }
}

function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(packet.length)
  return Buffer.concat([length, packet])
}

async function openTcpServer(
  options: { many?: number; idleMs?: number; maxConnections?: number } = {},
): Promise<TcpServer> {
  const responder = testResponder(testZone(options.many ?? 3))
  return TcpServer.open({ host: '127.0.0.1', port: 0, responder, log: silentLog, ...options })
}

test('TCP: many questions on one connection, in pieces of any size', async () => {
  await using server = await openTcpServer({ many: 200 })
  const client = await connectTo(server.port)
  const all = Buffer.concat(Array.from({ length: 60 }, (_, i) => framed(query(i % 2 ? WEB : MANY, 'A', { id: i }))))
  for (let at = 0; at < all.length; at += 97) client.socket.write(all.subarray(at, at + 97))
  const answers = (await client.take(60)).map((bytes) => decodeMessage(bytes))
  assert.deepEqual(
    answers.map((answer) => answer?.id),
    Array.from({ length: 60 }, (_, i) => i),
  )
  assert.equal(answers[0]?.answers.length, 200)
  assert.equal((answers[0]?.flags ?? 0) & FLAG.TC, 0)
  client.socket.destroy()
})

test('TCP: zone transfers are refused; what is no question ends the connection', async () => {
  await using server = await openTcpServer()
  const client = await connectTo(server.port)
  client.socket.write(framed(query('cluster.local', 'AXFR')))
  const [refused] = await client.take(1)
  assert.equal((decodeMessage(refused!)?.flags ?? 0) & 15, RCODE.REFUSED)
  client.socket.write('GET / HTTP/1.1\r\n\r\n'.padEnd(20_000))
  client.socket.end()
  await once(client.socket, 'close')
})

test('TCP: an idle connection is closed, and the idlest of too many', async () => {
  await using server = await openTcpServer({ idleMs: 40 })
  const idle = await connectTo(server.port)
  await once(idle.socket, 'close')
  await using small = await openTcpServer({ maxConnections: 2 })
  const [first, second] = [await connectTo(small.port), await connectTo(small.port)]
  first.socket.write(framed(query(WEB)))
  await first.take(1)
  const third = await connectTo(small.port)
  await once(second.socket, 'close')
  for (const { socket, take } of [first, third]) {
    socket.write(framed(query(WEB)))
    assert.equal((await take(1)).length, 1)
    socket.destroy()
  }
})

test('an answer that is larger than a message is cut at whole records', async () => {
  await using server = await openTcpServer({ many: 5_000 })
  const client = await connectTo(server.port)
  client.socket.write(framed(query(MANY)))
  const [bytes] = await client.take(1)
  const answer = decodeMessage(bytes!)
  assert.ok(answer && (answer.flags & FLAG.TC) !== 0 && answer.answers.length > 4_000)
  assert.ok(answer.answers.every(({ data }) => data.kind === 'A' && TYPE.A === 1))
  client.socket.destroy()
})
