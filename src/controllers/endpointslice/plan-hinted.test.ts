import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'
import type { SlicePlan } from './plan.ts'
import { planHinted } from './plan-hinted.ts'
import { ENABLED } from './topology-hints.ts'

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'u' },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] },
}
const PORTS = [{ name: '', port: 80, protocol: 'TCP' as const }]

function goalOf(zones: readonly string[], weights: readonly number[]) {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const endpoints = zones.map(
    (zone, index): Endpoint => ({
      addresses: [`10.0.0.${index}`],
      conditions: { ready: true },
      zone,
      targetRef: { kind: 'Pod', namespace: 'default', name: `p${index}` },
    }),
  )
  const ratios = new Map(weights.map((weight, index) => [`z${index}`, weight / total]))
  return { addressType: 'IPv4' as const, groups: [{ ports: PORTS, endpoints }], maxEndpoints: 4, ratios }
}

let names = 0
function apply(slices: readonly EndpointSlice[], plan: SlicePlan): readonly EndpointSlice[] {
  const updated = new Map(plan.update.map((slice) => [slice.metadata.name, slice]))
  const gone = new Set(plan.delete.map(({ metadata }) => metadata.name))
  const created = plan.create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: `s${names++}` } }))
  const kept = slices.filter(({ metadata }) => !gone.has(metadata.name))
  return [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created]
}

const zone = fc.constantFrom('z0', 'z1', 'z2')
const step = fc.array(zone, { minLength: 0, maxLength: 14 })

test('property: hints settle, every ready endpoint has one or none has', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
      (steps, weights) => {
        let slices: readonly EndpointSlice[] = []
        for (const zones of steps) {
          const goal = goalOf(zones, weights)
          const { plan, outcome } = planHinted(service, goal, slices)
          slices = apply(slices, plan)
          const hinted = slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ hints }) => hints !== undefined)
          assert.equal(hinted.length, outcome === ENABLED ? zones.length : 0)
          let writes = Number.POSITIVE_INFINITY
          for (let round = 0; round < 3 && writes > 0; round++) {
            const again = planHinted(service, goal, slices).plan
            writes = again.create.length + again.update.length + again.delete.length
            slices = apply(slices, again)
          }
          assert.equal(writes, 0, 'three further looks find nothing to write')
        }
      },
    ),
  )
})
