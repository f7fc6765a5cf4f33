/** What nft, the tool, makes of what we write. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestNamespaces } from '../test-namespaces.ts'
import { NftBatch } from './batch.ts'
import { inetProto, inetService, ipv4Address, ipv6Address, mark, number } from './data-type.ts'
import { rangeElements } from './element.ts'
import { NftSocket } from './socket.ts'

const TABLE = { family: 'ip', table: 'shown' } as const

interface Listing {
  readonly nftables: readonly Record<string, Record<string, unknown>>[]
}

test('keys, values, ranges and comments are printed as what they are', () => {
  using namespaces = new TestNamespaces()
  using socket = NftSocket.open(namespaces.create('list'))
  const services = { ...TABLE, name: 'services', key: [ipv4Address, inetProto, inetService], data: [mark] } as const
  const slots = { ...TABLE, name: 'slots', key: [mark, number], data: [ipv4Address, inetService] } as const
  const ranges = { ...TABLE, name: 'ranges', key: [ipv4Address], interval: true, comment: 'some' } as const
  const batch = new NftBatch()
  batch.addTable({ ...TABLE, comment: 'for people' })
  for (const set of [services, slots, ranges]) batch.addSet(set)
  batch.addElement(services, {
    key: Buffer.of(10, 96, 0, 10, 17, 0, 0, 0, 0, 53, 0, 0),
    data: Buffer.of(10, 0, 32, 0),
    comment: 'kube-system/kube-dns:dns',
  })
  batch.addElement(slots, { key: Buffer.of(10, 0, 0, 0, 1, 0, 0, 0), data: Buffer.of(10, 244, 1, 2, 0, 53, 0, 0) })
  for (const one of rangeElements(Buffer.of(10, 0, 0, 0), Buffer.of(10, 255, 255, 255))) batch.addElement(ranges, one)
  socket.commit(batch)

  const text = namespaces.run('list', 'nft list table ip shown')
  assert.match(text, /comment "for people"/)
  assert.match(text, /type ipv4_addr \. inet_proto \. inet_service : mark/)
  assert.match(text, /10\.96\.0\.10 \. udp \. 53 comment "kube-system\/kube-dns:dns" : 0x0020000a/)
  assert.match(text, /typeof meta mark \. numgen inc mod 65536 : ip daddr \. th dport/)
  assert.match(text, /0x0000000a \. 1 : 10\.244\.1\.2 \. 53/)
  assert.match(text, /elements = \{ 10\.0\.0\.0\/8 \}/)
})

test('IPv6 keys are printed as addresses', () => {
  using namespaces = new TestNamespaces()
  using socket = NftSocket.open(namespaces.create('list6'))
  const set = {
    family: 'ip6',
    table: 'shown',
    name: 's',
    key: [mark, number],
    data: [ipv6Address, inetService],
  } as const
  const batch = new NftBatch()
  batch.addTable(set)
  batch.addSet(set)
  const address = Buffer.from('fd000010009600000000000000000010', 'hex')
  batch.addElement(set, {
    key: Buffer.of(1, 0, 0, 0, 0, 0, 0, 0),
    data: Buffer.concat([address, Buffer.of(0, 80, 0, 0)]),
  })
  socket.commit(batch)
  const text = namespaces.run('list6', 'nft list table ip6 shown')
  assert.match(text, /ip6 daddr \. th dport/)
  assert.match(text, /0x00000001 \. 0 : fd00:10:96::10 \. 80/)
})

test('rules are understood', () => {
  using namespaces = new TestNamespaces()
  using socket = NftSocket.open(namespaces.create('rules'))
  const batch = new NftBatch()
  batch.addTable(TABLE)
  batch.addChain({ ...TABLE, name: 'c', base: { type: 'filter', hook: 'forward', priority: 0, policy: 'drop' } })
  const rule = (expressions: Parameters<NftBatch['addRule']>[0]['expressions'], comment?: string) =>
    batch.addRule({ ...TABLE, chain: 'c', expressions, ...(comment === undefined ? {} : { comment }) })
  const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
  rule(
    [
      { kind: 'ct', key: 'state', dest: 0 },
      { kind: 'bitwise', source: 0, dest: 0, mask: word(8), xor: word(0) },
      { kind: 'cmp', op: 'neq', source: 0, data: word(0) },
      { kind: 'counter' },
      { kind: 'verdict', verdict: { kind: 'accept' } },
    ],
    'new ones',
  )
  rule([
    { kind: 'fib', result: 'type', flags: 2, dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: word(2) },
    { kind: 'log', prefix: 'local ' },
    { kind: 'reject', type: 'icmp', code: 3 },
  ])
  socket.commit(batch)
  const listing: Listing = JSON.parse(namespaces.run('rules', 'nft -j list table ip shown'))
  const rules = listing.nftables.flatMap((object) => (object.rule === undefined ? [] : [object.rule]))
  assert.equal(rules[0]?.comment, 'new ones')
  assert.deepEqual(rules[0]?.expr, [
    { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'new' } },
    { counter: { packets: 0, bytes: 0 } },
    { accept: null },
  ])
  const text = namespaces.run('rules', 'nft list table ip shown')
  assert.match(text, /fib daddr type local log prefix "local " reject/)
})
