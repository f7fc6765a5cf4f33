import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Endpoints } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { isMirrored, planMirroring } from './mirror.ts'

type Subsets = NonNullable<Endpoints['subsets']>

function custom(subsets: Subsets, metadata: Partial<Endpoints['metadata']> = {}): Endpoints {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'db', namespace: 'default', uid: 'e1', ...metadata },
    subsets,
  }
}

let names = 0

/** The slices after a plan was carried out. */
function carriedOut(existing: readonly EndpointSlice[], plan: ReturnType<typeof planMirroring>): EndpointSlice[] {
  const updated = new Map(plan.update.map((slice) => [slice.metadata.name, slice]))
  const gone = new Set(plan.delete.map(({ metadata }) => metadata.name))
  const kept = existing
    .filter(({ metadata }) => !gone.has(metadata.name))
    .map((slice) => updated.get(slice.metadata.name) ?? slice)
  const fresh = plan.create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: `s${names++}` } }))
  return [...kept, ...fresh]
}

test('one slice per set of ports and family, with conditions, labels and owner of the Endpoints', () => {
  const endpoints = custom(
    [
      {
        addresses: [{ ip: '10.0.0.1', hostname: 'a' }, { ip: 'fd00::1' }],
        notReadyAddresses: [{ ip: '10.0.0.2', nodeName: 'n1' }],
        ports: [{ port: 5432 }],
      },
    ],
    {
      labels: { team: 'x' },
      annotations: { note: 'y', 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
    },
  )
  const { create } = planMirroring(endpoints, [])
  assert.deepEqual(
    create.map(({ addressType, endpoints: list }) => [addressType, list]),
    [
      [
        'IPv4',
        [
          { addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'a' },
          { addresses: ['10.0.0.2'], conditions: { ready: false }, nodeName: 'n1' },
        ],
      ],
      ['IPv6', [{ addresses: ['fd00::1'], conditions: { ready: true } }]],
    ],
  )
  assert.deepEqual(create[0]?.ports, [{ name: '', port: 5432, protocol: 'TCP' }])
  assert.deepEqual(create[0]?.metadata.labels, {
    team: 'x',
    'kubernetes.io/service-name': 'db',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  })
  assert.deepEqual(create[0]?.metadata.annotations, { note: 'y' })
  assert.equal(create[0]?.metadata.ownerReferences?.[0]?.uid, 'e1')
})

test('what is no address is left out and counted, and so is what is too much', () => {
  const addresses = [{ ip: '10.0.0.1' }, { ip: 'nonsense' }, { ip: '10.0.0.3' }, { ip: '10.0.0.4' }]
  const plan = planMirroring(custom([{ addresses, ports: [{ port: 1 }] }]), [], 2)
  assert.deepEqual([plan.invalid, plan.skipped], [1, 2])
  assert.equal(plan.create[0]?.endpoints?.length, 2)
})

test('not mirrored: by label, and the lock of a leader election', () => {
  assert.ok(isMirrored(custom([])))
  assert.ok(!isMirrored(custom([], { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } })))
  assert.ok(!isMirrored(custom([], { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } })))
})

test('another port is an update of the slice that is there, not a new one', () => {
  const subset = (port: number) => [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port }] }]
  const existing = carriedOut([], planMirroring(custom(subset(80)), []))
  const plan = planMirroring(custom(subset(81)), existing)
  assert.deepEqual([plan.create.length, plan.update.length, plan.delete.length], [0, 1, 0])
  assert.equal(plan.update[0]?.metadata.name, existing[0]?.metadata.name)
})

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2', 'bad').map((ip) => ({ ip }))
const subset = fc.record({
  addresses: fc.uniqueArray(address, { selector: ({ ip }) => ip, maxLength: 4 }),
  ports: fc.constantFrom<NonNullable<Subsets[number]['ports']>[]>(
    [{ port: 80 }],
    [{ port: 81 }],
    [{ port: 80 }, { name: 'b', port: 81 }],
  ),
})

test('property: after any changes the slices hold what the Endpoints say, and a second look writes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.array(subset, { maxLength: 3 }), { minLength: 1, maxLength: 5 }), (history) => {
      let slices: EndpointSlice[] = []
      for (const subsets of history) {
        const endpoints = custom(subsets)
        slices = carriedOut(slices, planMirroring(endpoints, slices))
        const again = planMirroring(endpoints, slices)
        assert.deepEqual([again.create, again.update, again.delete], [[], [], []])
        const wanted = new Set(
          subsets.flatMap(({ addresses, ports }) =>
            addresses.filter(({ ip }) => ip !== 'bad').map(({ ip }) => `${ip} ${ports.map(({ port }) => port).join()}`),
          ),
        )
        const found = slices.flatMap(({ endpoints: list, ports }) =>
          (list ?? []).map(({ addresses: [ip] }) => `${ip} ${(ports ?? []).map(({ port }) => port).join()}`),
        )
        assert.deepEqual(found.sort(), [...wanted].sort())
      }
    }),
  )
})
