import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Node } from '../../kube/types/core.ts'
import { planRoutes, type TableRoute } from './plan-routes.ts'

const node = (n: number, machine: string | undefined): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `n${n}` },
  spec: { podCIDRs: [`10.244.${n}.0/24`], ...(machine === undefined ? {} : { providerID: `r.${machine}` }) },
})
const route = (destination: string, instanceId: string): TableRoute => ({
  id: `${destination} ${instanceId}`,
  destination,
  instanceId,
})

test('routes outside the range of pods are left alone, also those of nodes that have no machine yet', () => {
  const table = [route('172.16.0.0/16', 'i-x'), route('10.244.2.0/24', 'i-x'), route('10.0.0.0/8', 'i-x')]
  assert.deepEqual(planRoutes([node(2, undefined)], table, '10.244.0.0/16'), { remove: [], add: [], routed: [] })
})

test('after the plan each node has its route and nobody else has one; a second plan is empty', () => {
  const machine = fc.constantFrom('i-1', 'i-2', 'i-3')
  const table = fc.uniqueArray(fc.record({ n: fc.nat(5), machine }), { selector: ({ n }) => n })
  const list = fc.uniqueArray(fc.record({ n: fc.nat(5), machine }), { selector: ({ n }) => n })
  fc.assert(
    fc.property(table, list, (rows, machines) => {
      const before = rows.map(({ n, machine: id }) => route(`10.244.${n}.0/24`, id))
      const nodes = machines.map(({ n, machine: id }) => node(n, id))
      const { remove, add } = planRoutes(nodes, before, '10.244.0.0/16')
      const after = [
        ...before.filter((one) => !remove.includes(one)),
        ...add.map((one) => route(one.destination, one.instanceId)),
      ]
      const wanted = machines.map(({ n, machine: id }) => `10.244.${n}.0/24 ${id}`).sort()
      assert.deepEqual(after.map(({ id }) => id).sort(), wanted)
      const again = planRoutes(nodes, after, '10.244.0.0/16')
      assert.deepEqual([again.remove, again.add], [[], []])
    }),
  )
})
