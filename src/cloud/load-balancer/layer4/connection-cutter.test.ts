import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ConntrackEntry } from '../../../linux/conntrack.ts'
import { frontendKey } from '../../../proxy/encoding.ts'
import { HeldClock } from '../test-load-balancer.ts'
import {
  ConnectionCutter,
  type Connections,
  type CutPolicy,
  cutAfter,
  destinationKey,
  PROTOCOL_NUMBERS,
} from './connection-cutter.ts'

/** Connections that are in memory. */
class Table implements Connections {
  entries: ConntrackEntry[] = []
  lists = 0

  list(_family: ConntrackEntry['family'], protocol: number): ConntrackEntry[] {
    this.lists++
    return _family === 'ip' ? this.entries.filter(({ original }) => original.protocol === protocol) : []
  }

  delete(entry: ConntrackEntry): boolean {
    const before = this.entries.length
    this.entries = this.entries.filter((one) => one !== entry)
    return this.entries.length < before
  }
}

const VIP = '203.0.113.10'
const SERVERS = [1, 2, 3].map((n) => ({ address: `192.168.1.${n}`, port: 8080 }))
const LISTENERS = (['tcp', 'udp'] as const).flatMap((protocol) => [80, 81].map((port) => ({ protocol, port })))

test('where TCP is not drained nothing is to be cut, and nobody lists the kernel’s connections', () => {
  const table = new Table()
  using cutter = new ConnectionCutter(table, new HeldClock())
  for (const serving of [[0, 1], [1], [], [0, 1, 2]]) {
    cutter.follow(
      new Map([[frontend(LISTENERS[0]!), policy({ protocol: 'tcp', serving, drain: undefined })]]),
      new Set(),
    )
  }
  assert.equal(table.lists, 0)
})

test('what is left after each change is what may go on, whatever was before', () => {
  const settings = fc.record({
    serving: fc.subarray([0, 1, 2]),
    drain: fc.constantFrom(undefined, 900),
    present: fc.boolean(),
  })
  const steps = fc.array(fc.tuple(settings, settings, settings, settings), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(steps, (changes) => {
      const table = new Table()
      table.entries = LISTENERS.flatMap((listener) => SERVERS.map((server, i) => connection(listener, server, i)))
      using cutter = new ConnectionCutter(table, new HeldClock())
      let before = new Map<string, CutPolicy>()
      for (const step of changes) {
        const now = new Map(
          LISTENERS.flatMap((listener, i) => {
            const { present, ...rest } = step[i]!
            return present ? [[frontend(listener), policy({ ...rest, protocol: listener.protocol })] as const] : []
          }),
        )
        const gone = new Set([...before.keys()].filter((one) => !now.has(one)))
        const wanted = table.entries.filter((entry) => {
          const { destinationPort: port, protocol } = entry.original
          const key = frontendKey(VIP, protocol === PROTOCOL_NUMBERS.tcp ? 'TCP' : 'UDP', port)
          const server = SERVERS[entry.id % SERVERS.length]!
          return !(now.has(key) || gone.has(key)) || cutAfter(now.get(key), destinationKey(server)) !== 0
        })
        cutter.follow(now, gone)
        assert.deepEqual(table.entries, wanted)
        before = now
      }
    }),
    { numRuns: 200 },
  )
})

function frontend({ protocol, port }: (typeof LISTENERS)[number]): string {
  return frontendKey(VIP, protocol === 'tcp' ? 'TCP' : 'UDP', port)
}

function policy(wanted: { protocol: 'tcp' | 'udp'; serving: number[]; drain: number | undefined }): CutPolicy {
  const serving = new Set(wanted.serving.map((i) => destinationKey(SERVERS[i]!)))
  return { protocol: wanted.protocol, serving, resting: new Set(), drainTimeout: wanted.drain }
}

function connection(
  { protocol, port }: (typeof LISTENERS)[number],
  server: (typeof SERVERS)[number],
  id: number,
): ConntrackEntry {
  const bytes = (address: string) => Buffer.from(address.split('.').map(Number))
  const client = bytes('198.51.100.2')
  const number = PROTOCOL_NUMBERS[protocol]
  return {
    family: 'ip',
    id,
    original: { source: client, destination: bytes(VIP), protocol: number, sourcePort: 5000, destinationPort: port },
    reply: {
      source: bytes(server.address),
      destination: client,
      protocol: number,
      sourcePort: 8080,
      destinationPort: 5000,
    },
  }
}
