import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { type Clock, systemClock } from '../../base/clock.ts'
import { NF_DROP } from '../../linux/nftables/trace-socket.ts'
import { type Flow, type Hop, ownRoutesOf, type Path, type Place, placeText, type Route } from '../hop.ts'
import type { Doors } from '../kernel-facts.ts'
import { type Prediction, placeOf } from '../predict.ts'
import type { Origin } from '../question.ts'
import type { Atlas } from '../world.ts'
import { AffinityGuard } from './affinity-guard.ts'
import { compare } from './compare.ts'
import { type Fate, send } from './send.ts'
import { passages, type Sighting, sawEnd, sightingsOf } from './sighting.ts'
import { type Nonce, WatchPoint } from './watch-point.ts'

/** What the kernel did with one real packet. */
export type Confirmation =
  | { readonly kind: 'not sent'; readonly why: string }
  | {
      readonly kind: 'sent'
      readonly flow: Flow
      readonly fate: Fate
      readonly sightings: readonly Sighting[]
      /** Of rules that dropped it. */
      readonly dropComments: readonly string[]
      readonly taken?: Route
      /** Where prediction and kernel disagree: a mistake of ours, or something that is not known to the API. */
      readonly differences: readonly string[]
      readonly milliseconds: number
    }

export interface ConfirmOptions {
  readonly origin: Origin
  readonly prediction: Prediction
  readonly atlas: Atlas
  readonly doors: Doors
  /** How long nobody may answer until that is silence. A packet that is seen to be dropped is not waited for. */
  readonly patienceMs?: number
  readonly clock?: Clock
}

/** Where no answer is expected, and where somebody should answer but the machine may be busy. */
const PATIENCE_MS = { silence: 100, datagram: 250, connection: 500 } as const
/** How often traces are looked at while nobody answers: they cannot be waited for. */
const LOOK_MS = 1
/** Of a Service with endpoints on very many nodes not all are watched. */
const MOST_PLACES = 64

/**
 * Sends one real packet the predicted way, with the kernel's tracing on for it alone, and compares. Nothing stays: the
 * tables go with their sockets, the connection's entries are deleted.
 *
 * @throws FairleadError `KERNEL_REFUSED`, `SYSCALL_FAILED`
 */
export async function confirm(options: ConfirmOptions): Promise<Confirmation> {
  const { origin, prediction, doors, patienceMs = patienceFor(prediction), clock = systemClock } = options
  const path = prediction.path === undefined ? undefined : oneAddress(prediction.path)
  const [start] = path?.hops ?? []
  if (path === undefined || start?.kind !== 'origin') return { kind: 'not sent', why: 'there is no address to send to' }
  if (start.flow.protocol === 'SCTP') return { kind: 'not sent', why: 'SCTP is predicted only' }
  const netns = doorOf(placeOf(origin), options)
  if (netns === undefined) return { kind: 'not sent', why: 'the sender has no network namespace on this machine' }
  const began = performance.now()
  const nonce: Nonce = { number: randomInt(1, 0xffff_fffe), protocol: start.flow.protocol === 'UDP' ? 17 : 6 }
  using points = new Points(path, nonce, options)
  using guards = new Guards(path, start.flow, options)
  const bind = origin.kind === 'internet' && doors.internet !== undefined
  using hopeless = new Despair(points.all)
  const fate = await send({ netns, flow: start.flow, nonce, bind, patienceMs, hopeless: hopeless.signal })
  const seen = points.all.map((point) => ({ point, sightings: sightingsAt(point, nonce) }))
  const sightings = seen.flatMap(({ sightings: own }) => own)
  const dropComments = seen.flatMap(({ point, sightings: own }) =>
    own.flatMap(({ dropped }) => (dropped === undefined ? [] : (point.commentOf(dropped) ?? []))),
  )
  await forget({ points: points.all, nonce, fate, clock })
  guards.unbind(points.all)
  const { taken, differences } = compare(path, sightings, fate)
  const milliseconds = performance.now() - began
  const way = taken === undefined ? {} : { taken }
  return { kind: 'sent', flow: start.flow, fate, sightings, dropComments, ...way, differences, milliseconds }
}

function patienceFor({ protocol, verdict }: Prediction): number {
  if (verdict !== 'reachable' && verdict !== 'partly' && verdict !== 'refused') return PATIENCE_MS.silence
  return protocol === 'TCP' ? PATIENCE_MS.connection : PATIENCE_MS.datagram
}

/** Of several addresses the first is sent to, as clients do. */
export function oneAddress(path: Path): Path {
  if (path.next.kind !== 'choice' || path.next.how !== 'addresses of the name') return path
  return path.next.branches[0]?.path ?? path
}

/** The watch points of one packet, closed together. */
class Points implements Disposable {
  readonly all: WatchPoint[] = []

  constructor(path: Path, nonce: Nonce, options: ConfirmOptions) {
    try {
      for (const place of placesToWatch(path, options)) {
        const netns = doorOf(place, options)
        if (netns !== undefined) this.all.push(new WatchPoint(place, netns, nonce))
      }
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const point of this.all) point.unmark()
    for (const point of this.all) point[Symbol.dispose]()
  }
}

/** Guards of all nodes on the way, when there are Services that bind clients to endpoints. */
class Guards implements Disposable {
  readonly #all: AffinityGuard[] = []

  constructor(path: Path, flow: Flow, options: ConfirmOptions) {
    const { services } = options.atlas.objects
    if (!services.some(({ spec }) => spec.sessionAffinity === 'ClientIP')) return
    for (const place of placesToWatch(path, options)) {
      const netns = place.kind === 'node' ? doorOf(place, options) : undefined
      if (netns !== undefined) this.#all.push(new AffinityGuard(netns, flow.destination.includes(':') ? 'ip6' : 'ip'))
    }
  }

  /** Also where the packet came by a second time, with another source than at first. */
  unbind(points: readonly WatchPoint[]): void {
    const sources = new Set(points.flatMap((point) => point.events().flatMap(({ packet }) => packet?.source ?? [])))
    for (const guard of this.#all) for (const source of sources) guard.unbind(source)
  }

  [Symbol.dispose](): void {
    for (const guard of this.#all) guard[Symbol.dispose]()
  }
}

/** Who sends, and every place that a predicted way names. Pods that only receive are seen at their node. */
function placesToWatch(path: Path, { origin }: ConfirmOptions): Place[] {
  const places = new Map<string, Place>()
  const add = (place: Place) => places.set(placeText(place), place)
  add(placeOf(origin))
  for (const { hops } of ownRoutesOf(path)) {
    for (const place of hops.flatMap(placesOf)) {
      if (place.kind !== 'pod' && place.kind !== 'control-plane') add(place)
    }
  }
  return [...places.values()].slice(0, MOST_PLACES)
}

function placesOf(hop: Hop): Place[] {
  return hop.kind === 'tunnel' ? [hop.from, hop.to] : [hop.place]
}

/** The namespace of a place; a pod in its node's network is in the node's. */
function doorOf(place: Place, { origin, doors }: ConfirmOptions): string | undefined {
  switch (place.kind) {
    case 'pod':
      if (origin.kind !== 'pod') return undefined
      return origin.pod.spec.hostNetwork === true ? doors.node(place.node) : doors.pod(origin.pod)
    case 'node':
      return doors.node(place.name)
    case 'internet':
      return doors.internet
    case 'vpc':
    case 'control-plane':
      return doors.vpc
    default:
      return place satisfies never
  }
}

/** Gives the wait up as soon as a rule is seen to drop the packet. */
class Despair implements Disposable {
  readonly #given = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(points: readonly WatchPoint[]) {
    this.#timer = setInterval(() => {
      const dropped = points.some((point) =>
        point.events().some(({ verdict, type }) => verdict === NF_DROP && type !== 'return'),
      )
      if (dropped) this.#given.abort()
    }, LOOK_MS)
  }

  get signal(): AbortSignal {
    return this.#given.signal
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

const MOST_SWEEPS = 20
const QUIET_SWEEPS = 3
const SWEEP_MS = 3

interface Traces {
  readonly points: readonly WatchPoint[]
  readonly nonce: Nonce
  readonly fate: Fate
  readonly clock: Clock
}

/**
 * Deletes the entries that the packet made, until nothing that belongs to it is on its way any more and no new ones were
 * made for a while. Each sweep looks anew at what was seen: on a busy machine packets come after nobody waits for them.
 */
async function forget(traces: Traces): Promise<void> {
  let quiet = 0
  for (let count = 0; count < MOST_SWEEPS && quiet < QUIET_SWEEPS; count += 1) {
    const deleted = traces.points.map((point) => sweep(point, traces.nonce)).some(Boolean)
    quiet = deleted || !isOver(traces) ? 0 : quiet + 1
    if (quiet < QUIET_SWEEPS) await traces.clock.sleep(SWEEP_MS)
  }
}

/** Whether there was something to delete. */
function sweep(point: WatchPoint, nonce: Nonce): boolean {
  const entries = passages(point.place, point.events(), nonce).flatMap((packet) => point.connection(packet) ?? [])
  for (const entry of entries) point.forget(entry)
  return entries.length > 0
}

/** A connection ends with a reset, which must have come as far as its beginning; silence ends with a drop, or never. */
function isOver({ points, nonce, fate }: Traces): boolean {
  const reached = points.map((point) => ({ point, sightings: sightingsAt(point, nonce) }))
  if (fate === 'silent') return reached.some(({ sightings }) => sightings.some(({ dropped }) => dropped !== undefined))
  if (fate !== 'answered' || nonce.protocol === 17) return true
  const passed = reached.filter(({ sightings }) => sightings.some(({ direction }) => direction === 'there'))
  return passed.every(({ point }) => sawEnd(point.events(), nonce))
}

function sightingsAt(point: WatchPoint, nonce: Nonce): readonly Sighting[] {
  return sightingsOf(point.place, point.events(), nonce)
}
