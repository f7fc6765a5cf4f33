import type { Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'
import { sameJson } from '../canonical-json.ts'
import { endpointKey } from './pack.ts'
import { planSlices, type SliceGoal, type SlicePlan } from './plan.ts'
import { addHints, allocate, ENABLED, isReady, type ZoneRatios } from './topology-hints.ts'

export interface HintedGoal extends SliceGoal {
  readonly ratios: ZoneRatios
}

/**
 * The writes for one address type of a Service with `topology-mode: Auto`. An endpoint that is in a slice already keeps
 * its hint as long as the slice need not change for another reason, so that hints alone cause few writes.
 *
 * @returns also what to tell people: {@link ENABLED}, or why there are no hints.
 */
export function planHinted(
  service: Service,
  goal: HintedGoal,
  existing: readonly EndpointSlice[],
): { readonly plan: SlicePlan; readonly outcome: string } {
  const ready = goal.groups.reduce((sum, { endpoints }) => sum + endpoints.filter(isReady).length, 0)
  const allocations = allocate(ready, goal.ratios)
  if (typeof allocations === 'string') return { plan: planSlices(service, goal, existing), outcome: allocations }
  const plan = planSlices(service, withKnownHints(goal, existing), existing)
  const changing = new Set([...plan.update, ...plan.delete].map(({ metadata }) => metadata.name))
  const unchanged = existing.filter(({ metadata }) => !changing.has(metadata.name))
  const hinted = addHints({ create: plan.create, update: plan.update, unchanged }, allocations)
  if (hinted.type === 'refused') return { plan: planSlices(service, goal, existing), outcome: hinted.message }
  // Hints looked at once more may come out as they were.
  const before = new Map(existing.map((slice) => [slice.metadata.name, slice]))
  const update = hinted.update.filter((slice) => {
    const known = before.get(slice.metadata.name)
    return changing.has(slice.metadata.name) || !sameJson(known?.endpoints ?? [], slice.endpoints ?? [])
  })
  return { plan: { ...plan, create: hinted.create, update }, outcome: ENABLED }
}

function withKnownHints(goal: SliceGoal, existing: readonly EndpointSlice[]): SliceGoal {
  const known = new Map(
    existing.flatMap(({ endpoints }) =>
      (endpoints ?? []).map((endpoint) => [endpointKey(endpoint), endpoint] as const),
    ),
  )
  const keep = (endpoint: Endpoint): Endpoint => {
    const old = known.get(endpointKey(endpoint))
    const same = old !== undefined && isReady(old) && isReady(endpoint) && old.zone === endpoint.zone
    return same && old.hints !== undefined ? { ...endpoint, hints: old.hints } : endpoint
  }
  return { ...goal, groups: goal.groups.map((group) => ({ ...group, endpoints: group.endpoints.map(keep) })) }
}
