import { TRIGGER_TIME_ANNOTATION } from '../../kube/endpoint-slice.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../kube/types/discovery.ts'
import { sameJson } from '../canonical-json.ts'
import { type EndpointGroup, portsKey } from './desired.ts'
import { packEndpoints } from './pack.ts'
import { isOwnedBy, newSlice, sliceLabels } from './slice.ts'

/** Writes that bring a Service's slices to what it should have. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[]
  readonly update: readonly EndpointSlice[]
  readonly delete: readonly EndpointSlice[]
}

export interface SliceGoal {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly groups: readonly EndpointGroup[]
  /** Endpoints per slice. */
  readonly maxEndpoints: number
}

/**
 * The writes for one address type, with as few as possible: endpoints stay in the slices that they are in, slices that
 * change anyway are filled first, slices that would be deleted are reused instead of creating new ones. A Service
 * without any endpoint has one slice without endpoints and ports.
 *
 * @param existing The Service's slices of this address type.
 */
export function planSlices(service: Service, goal: SliceGoal, existing: readonly EndpointSlice[]): SlicePlan {
  const leaving = existing.filter((slice) => slice.metadata.deletionTimestamp !== undefined)
  const foreign = existing.filter((slice) => !leaving.includes(slice) && !isOwnedBy(slice, service))
  const own = existing.filter((slice) => !leaving.includes(slice) && !foreign.includes(slice))
  const plans = planGroups(service, goal, own)
  const kept = own.length - plans.delete.length
  const withPlaceholder = kept === 0 && plans.create.length === 0 ? addPlaceholder(service, goal, plans) : plans
  const reused = reuseDeleted(withPlaceholder)
  if (service.metadata.deletionTimestamp !== undefined) return { ...reused, create: [], delete: [] }
  return { ...reused, delete: [...reused.delete, ...foreign] }
}

/** The slices with the trigger time noted, or without it when none is known. */
export function withTriggerTime(slice: EndpointSlice, triggerTime: string | undefined): EndpointSlice {
  const { [TRIGGER_TIME_ANNOTATION]: _old, ...rest } = slice.metadata.annotations ?? {}
  const annotations = triggerTime === undefined ? rest : { ...rest, [TRIGGER_TIME_ANNOTATION]: triggerTime }
  const { annotations: _annotations, ...metadata } = slice.metadata
  const named = Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations }
  return { ...slice, metadata: named }
}

function planGroups(service: Service, goal: SliceGoal, own: readonly EndpointSlice[]): SlicePlan {
  const labels = sliceLabels(service)
  const byPorts = new Map<string, EndpointSlice[]>()
  for (const slice of own) {
    const key = portsKey(slice.ports ?? [])
    byPorts.set(key, [...(byPorts.get(key) ?? []), slice])
  }
  const create: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  const remove: EndpointSlice[] = []
  for (const group of goal.groups) {
    const slices = byPorts.get(portsKey(group.ports)) ?? []
    byPorts.delete(portsKey(group.ports))
    const packed = packEndpoints(slices.map(endpointsOf), group.endpoints, goal.maxEndpoints)
    for (const [index, slice] of slices.entries()) {
      const endpoints = packed.kept[index] ?? 'unchanged'
      if (endpoints === 'emptied') remove.push(slice)
      else if (endpoints !== 'unchanged' || !sameJson(slice.metadata.labels ?? {}, labels)) {
        update.push(replace(slice, labels, { endpoints: endpoints === 'unchanged' ? endpointsOf(slice) : endpoints }))
      }
    }
    for (const endpoints of packed.added) {
      create.push({ ...newSlice(service, goal.addressType, group.ports), endpoints })
    }
  }
  return { create, update, delete: [...remove, ...[...byPorts.values()].flat()] }
}

/** A Service must have one slice at least: keeps one that is empty already, or makes one. */
function addPlaceholder(service: Service, goal: SliceGoal, plan: SlicePlan): SlicePlan {
  const placeholder = newSlice(service, goal.addressType, [])
  const labels = placeholder.metadata.labels ?? {}
  const present = plan.delete.find(
    (slice) =>
      endpointsOf(slice).length === 0 &&
      (slice.ports ?? []).length === 0 &&
      sameJson(slice.metadata.labels ?? {}, labels),
  )
  if (present !== undefined) return { ...plan, delete: plan.delete.filter((slice) => slice !== present) }
  return { ...plan, create: [placeholder] }
}

/** Turns pairs of a delete and a create into one update: one write, and no moment without a slice. */
function reuseDeleted(plan: SlicePlan): SlicePlan {
  const pairs = Math.min(plan.create.length, plan.delete.length)
  const reused = plan.create.slice(0, pairs).flatMap((fresh, index) => {
    const old = plan.delete[index]
    if (old === undefined) return []
    return [replace(old, fresh.metadata.labels ?? {}, { endpoints: fresh.endpoints ?? [], ports: fresh.ports ?? [] })]
  })
  return {
    create: plan.create.slice(pairs),
    update: [...plan.update, ...reused],
    delete: plan.delete.slice(pairs),
  }
}

function replace(
  slice: EndpointSlice,
  labels: Readonly<Record<string, string>>,
  content: { readonly endpoints: readonly Endpoint[]; readonly ports?: readonly EndpointPort[] },
): EndpointSlice {
  return { ...slice, metadata: { ...slice.metadata, labels }, ...content }
}

function endpointsOf(slice: EndpointSlice): readonly Endpoint[] {
  return slice.endpoints ?? []
}
