/** The walk of a packet through models: each model knows some stations and says what happens there and where it goes. */

import type { ObjectRef } from '../controllers/service-diagnosis/cause.ts'
import type { Pod, Service, ServicePort } from '../kube/types/core.ts'
import type { BackHop, Branch, Cause, End, Flow, Hop, Path, Place } from './hop.ts'
import type { Atlas } from './world.ts'

/** Where a packet is on its way, finer than a {@link Place}: the points at which something may be done to it. */
export type Station =
  | { readonly at: 'pod-out'; readonly pod: Pod }
  /** Has come to a node by a device; before its rules. */
  | { readonly at: 'prerouting'; readonly node: string }
  /** A process of the node sends it. */
  | { readonly at: 'output'; readonly node: string }
  /** After the proxy's rules: where to? */
  | { readonly at: 'routing'; readonly node: string; readonly local: boolean }
  | { readonly at: 'vpc'; readonly from: 'node' | 'internet'; readonly node?: string }
  | { readonly at: 'internet-out' }
  | { readonly at: 'pod-in'; readonly pod: Pod }
  | { readonly at: 'node-in'; readonly node: string }

/** Which Service port led here; causes name its fields. */
export interface Via {
  readonly service: Service
  readonly port: ServicePort
}

export interface Step {
  readonly station: Station
  readonly flow: Flow
  /** The proxy of this node changed the destination. */
  readonly translated?: boolean
  /** The proxy of this node wants the source changed, and why. */
  readonly masquerade?: string
  /** A load balancer sends it to a backend: security groups let it pass. */
  readonly balanced?: true
  readonly via?: Via
  /** What the answer will meet, the last first. */
  readonly back: readonly BackHop[]
}

export type Next =
  | { readonly kind: 'step'; readonly hops: readonly Hop[]; readonly step: Step }
  | { readonly kind: 'end'; readonly hops: readonly Hop[]; readonly end: End }
  | {
      readonly kind: 'choice'
      readonly hops: readonly Hop[]
      readonly choice: Omit<Extract<Path['next'], { kind: 'choice' }>, 'kind' | 'branches'>
      readonly branches: readonly (Omit<Branch, 'path'> & { readonly hops: readonly Hop[]; readonly step: Step })[]
    }

/**
 * What one component does to packets. Undefined: the station is not its business. Load balancers and pod networks are
 * models of their own, put in front of the ones that they come before.
 */
export interface HopModel {
  readonly name: string
  next(step: Step, atlas: Atlas): Next | undefined
}

const MOST_STEPS = 40

/** Follows a packet to all its ends. */
export function walk(step: Step, models: readonly HopModel[], atlas: Atlas): Path {
  const hops: Hop[] = []
  let at = step
  for (let count = 0; count < MOST_STEPS; count += 1) {
    const next = models.map((model) => model.next(at, atlas)).find((found) => found !== undefined)
    if (next === undefined) return { hops, next: nowhere(at) }
    hops.push(...next.hops)
    if (next.kind === 'end') return { hops, next: next.end }
    if (next.kind === 'choice')
      return { hops, next: { kind: 'choice', ...next.choice, branches: next.branches.map(branch) } }
    at = next.step
  }
  const sentence = `the packet goes round in circles: it is at ${at.station.at} again after ${MOST_STEPS} steps`
  return { hops, next: { kind: 'dropped', cause: { code: 'routing-loop', sentence } } }

  function branch({
    share,
    endpoint,
    object,
    hops: before,
    step: from,
  }: Extract<Next, { kind: 'choice' }>['branches'][number]): Branch {
    const rest = walk(from, models, atlas)
    const path = { hops: [...before, ...rest.hops], next: rest.next }
    return { share, endpoint, ...(object === undefined ? {} : { object }), path }
  }
}

function nowhere({ flow }: Step): End {
  const cause: Cause = { code: 'no-route', sentence: `no network that is known here leads to ${flow.destination}` }
  return { kind: 'unreachable', cause }
}

/** The packet has come to somebody who takes it. */
export function delivered(step: Step, place: Place, object?: ObjectRef): Next {
  const { flow, back } = step
  const hop: Hop = { kind: 'arrive', place, flow, ...(object === undefined ? {} : { object }) }
  return {
    kind: 'end',
    hops: [hop],
    end: { kind: 'delivered', place, flow, back: [{ kind: 'answer', place, flow }, ...back] },
  }
}

export function ending(kind: Exclude<End['kind'], 'delivered'>, cause: Cause, hops: readonly Hop[] = []): Next {
  return { kind: 'end', hops, end: { kind, cause } }
}

/** A step with source or destination changed; what undoes it on the way back is kept. */
export function translated(
  step: Step,
  change: {
    readonly place: Place
    readonly what: 'source' | 'destination'
    readonly to: Partial<Flow>
    readonly by: string
    readonly why: string
  },
): { readonly hop: Hop; readonly step: Step } {
  const { place, what, to, by, why } = change
  const after = { ...step.flow, ...to }
  const before = step.flow
  const back: BackHop = {
    kind: 'restore',
    place,
    what: what === 'destination' ? 'source' : 'destination',
    to: what === 'destination' ? `${before.destination}:${before.port}` : before.source,
  }
  return {
    hop: { kind: 'translate', place, what, before, after, by, why },
    step: { ...step, flow: after, back: [back, ...step.back] },
  }
}
