import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Lease } from './lease.ts'
import { type OverlayEntries, overlayChanges, overlayEntries } from './peers.ts'

const lease = fc
  .record({ n: fc.nat(9), mac: fc.nat(20), ip: fc.nat(9), cidr: fc.nat(9) }, { noNullPrototype: true })
  .map(
    ({ n, mac, ip, cidr }): Lease => ({
      nodeName: `n${n}`,
      podCidr: `10.244.${cidr}.0/24`,
      vtepMac: `0e:00:00:00:00:${mac.toString(16).padStart(2, '0')}`,
      publicIp: `192.168.0.${ip}`,
    }),
  )
const leases = fc
  .uniqueArray(lease, { selector: (lease) => lease.nodeName })
  .map((all) => all.filter((lease, i) => all.findIndex((other) => other.vtepMac === lease.vtepMac) === i))

/** What the kernel does with changes: entries are found by their key. */
function applied(before: OverlayEntries, after: OverlayEntries): OverlayEntries {
  const { write, remove } = overlayChanges(after, before)
  const merge = <T>(key: (entry: T) => string, pick: (entries: OverlayEntries) => readonly T[]) => {
    const map = new Map(pick(before).map((entry) => [key(entry), entry]))
    for (const entry of pick(write)) map.set(key(entry), entry)
    for (const entry of pick(remove)) assert.ok(map.delete(key(entry)))
    return [...map.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1))
  }
  return {
    neighbours: merge(
      (entry) => entry.address,
      (entries) => entries.neighbours,
    ),
    forwarding: merge(
      (entry) => entry.mac,
      (entries) => entries.forwarding,
    ),
    routes: merge(
      (entry) => entry.destination,
      (entries) => entries.routes,
    ),
  }
}

const nothing: OverlayEntries = { neighbours: [], forwarding: [], routes: [] }

test('a peer is a neighbour, a forwarding entry and a route', () => {
  const entries = overlayEntries(
    [{ nodeName: 'b', podCidr: '10.244.2.0/24', vtepMac: '0e:00:00:00:00:02', publicIp: '192.168.0.2' }],
    'flannel.1',
  )
  assert.deepEqual(entries.neighbours, [{ address: '10.244.2.0', mac: '0e:00:00:00:00:02' }])
  assert.deepEqual(entries.forwarding, [{ mac: '0e:00:00:00:00:02', destination: '192.168.0.2' }])
  const { destination, gateway, link, onlink } = entries.routes[0]!
  assert.deepEqual(
    { destination, gateway, link, onlink },
    {
      destination: '10.244.2.0/24',
      gateway: '10.244.2.0',
      link: 'flannel.1',
      onlink: true,
    },
  )
})

test('changes lead from any state to any other, and touch nothing that is right', () => {
  fc.assert(
    fc.property(leases, leases, (a, b) => {
      const [before, after] = [overlayEntries(a, 'flannel.1'), overlayEntries(b, 'flannel.1')]
      assert.deepEqual(applied(before, after), applied(nothing, after))
      assert.deepEqual(overlayChanges(after, after), { write: nothing, remove: nothing })
      const { write, remove } = overlayChanges(after, before)
      for (const route of before.routes) {
        if (after.routes.some((other) => other.destination === route.destination)) {
          assert.ok(!write.routes.includes(route) && !remove.routes.includes(route))
        }
      }
    }),
  )
})

test('the order of the nodes does not matter, nor that two claim one range', () => {
  fc.assert(
    fc.property(leases, (leases) => {
      const entries = overlayEntries(leases, 'flannel.1')
      assert.deepEqual(overlayEntries(leases.toReversed(), 'flannel.1'), entries)
      assert.equal(new Set(entries.routes.map((route) => route.destination)).size, entries.routes.length)
    }),
  )
})
