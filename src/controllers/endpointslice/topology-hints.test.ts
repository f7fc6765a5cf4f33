import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Node } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'
import { addHints, allocate, type Hinted, zoneRatios } from './topology-hints.ts'

function node(
  name: string,
  zone: string | undefined,
  cpu: string,
  more: { ready?: boolean; label?: string } = {},
): Node {
  const labels = {
    ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
    ...(more.label === undefined ? {} : { [more.label]: '' }),
  }
  const conditions = [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' } as const]
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status: { allocatable: { cpu }, conditions } }
}

function endpoint(zone: string, hint?: string, ready = true): Endpoint {
  const hints = hint === undefined ? {} : { hints: { forZones: [{ name: hint }] } }
  return { addresses: ['10.0.0.1'], conditions: { ready }, ...(zone === '' ? {} : { zone }), ...hints }
}

function slice(...endpoints: readonly Endpoint[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's' },
    addressType: 'IPv4',
    endpoints,
  }
}

function allocationsFor(ready: number, ratios: Readonly<Record<string, number>>) {
  const allocations = allocate(ready, new Map(Object.entries(ratios)))
  assert.notEqual(typeof allocations, 'string', String(allocations))
  return allocations as Exclude<typeof allocations, string>
}

function hintsIn(hinted: Hinted): readonly (string | undefined)[] {
  if (hinted.type === 'refused') return [hinted.message]
  return [...hinted.create, ...hinted.update].flatMap(({ endpoints }) =>
    (endpoints ?? []).map(({ hints }) => hints?.forZones?.[0]?.name),
  )
}

test('the zones share by CPU; nodes that are not ready or of the control plane do not count', () => {
  const three = [node('a', 'z1', '2'), node('b', 'z2', '4'), node('c', 'z2', '2')]
  assert.deepEqual(
    [...(zoneRatios(three) ?? [])],
    [
      ['z1', 0.25],
      ['z2', 0.75],
    ],
  )
  const ignored = [
    node('d', 'z3', '8', { ready: false }),
    node('e', undefined, '8', { label: 'node-role.kubernetes.io/control-plane' }),
  ]
  assert.deepEqual(zoneRatios([...three, ...ignored]), zoneRatios(three))
  assert.equal(zoneRatios([...three, node('f', undefined, '1')]), undefined, 'a node without zone')
  assert.equal(zoneRatios([...three, node('f', 'z1', '0')]), undefined, 'a node without CPU')
  assert.equal(zoneRatios([node('a', 'z1', '2')]), undefined, 'one zone')
})

test('no hints: too few endpoints for the zones, or for their shares', () => {
  const ratios = new Map([
    ['a', 1 / 3],
    ['b', 1 / 3],
    ['c', 1 / 3],
  ])
  assert.equal(allocate(2, ratios), 'Insufficient number of endpoints (2 endpoints, 3 zones)')
  assert.match(String(allocate(4, ratios)), /^Unable to allocate minimum required .* \(4 endpoints, 3 zones\)$/)
  assert.match(String(allocate(9, undefined)), /^Insufficient Node information/)
  assert.notEqual(typeof allocate(3, ratios), 'string')
})

test('endpoints get their own zone, and zones that lack some get them from others', () => {
  const even = allocationsFor(3, { a: 1 / 3, b: 1 / 3, c: 1 / 3 })
  const planned = (...endpoints: readonly Endpoint[]) => ({ create: [slice(...endpoints)], update: [], unchanged: [] })
  assert.deepEqual(hintsIn(addHints(planned(endpoint('a'), endpoint('b'), endpoint('c')), even)), ['a', 'b', 'c'])
  assert.deepEqual(hintsIn(addHints(planned(endpoint('a'), endpoint('a'), endpoint('b')), even)), ['c', 'a', 'b'])
  assert.deepEqual(hintsIn(addHints(planned(endpoint('a'), endpoint(''), endpoint('b')), even)), [
    'One or more endpoints do not have a zone specified',
  ])
  const unready = planned(endpoint('a'), endpoint('b'), endpoint('c'), endpoint('a', undefined, false))
  assert.deepEqual(hintsIn(addHints(unready, even)), ['a', 'b', 'c', undefined])
})

test('slices that stay keep their hints while those fit, and are written again when not', () => {
  const halves = allocationsFor(4, { a: 0.5, b: 0.5 })
  const stays = slice(endpoint('a', 'a'), endpoint('b', 'b'))
  const fresh = slice(endpoint('a'), endpoint('a'))
  assert.deepEqual(hintsIn(addHints({ create: [fresh], update: [], unchanged: [stays] }, halves)), ['b', 'a'])
  const foreign = slice(endpoint('a', 'gone'), endpoint('b', 'b'))
  assert.deepEqual(hintsIn(addHints({ create: [], update: [], unchanged: [foreign] }, halves)), ['a', 'b'])
})

test('property: fresh hints give every zone its share, no endpoint more than one hint', () => {
  const zones = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 4 })
  const places = fc.array(fc.nat(3), { minLength: 2, maxLength: 40 })
  fc.assert(
    fc.property(zones, places, (cpus, endpoints) => {
      const total = cpus.reduce((sum, cpu) => sum + cpu, 0)
      const ratios = new Map(cpus.map((cpu, index) => [`z${index}`, cpu / total]))
      const allocations = allocate(endpoints.length, ratios)
      if (typeof allocations === 'string') return
      const list = endpoints.map((place) => endpoint(`z${place % cpus.length}`))
      const hints = hintsIn(addHints({ create: [slice(...list)], update: [], unchanged: [] }, allocations))
      assert.equal(hints.length, endpoints.length)
      for (const [zone, { desired }] of allocations) {
        const count = hints.filter((hint) => hint === zone).length
        assert.ok(Math.abs(count - desired) <= cpus.length, `${zone}: ${count} for ${desired}`)
      }
    }),
  )
})
