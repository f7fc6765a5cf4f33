/**
 * What becomes of a connection: every hop from who asks to who answers, and the cause when nobody does. Pure: the same
 * world gives the same prediction; nothing is sent.
 */

import { hostPort } from '../base/ip.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import { isHeadless } from '../dns/zone/service-records.ts'
import type { Service } from '../kube/types/core.ts'
import { deviceAddress, flannelModel, placeOfPod } from './flannel-model.ts'
import { type Cause, type Hop, type Path, type Place, type Route, routesOf } from './hop.ts'
import { loadBalancerModel } from './load-balancer-model.ts'
import { proxyModel, viewOf, within } from './proxy-model.ts'
import type { Origin, Target } from './question.ts'
import { type Resolution, resolveInPod } from './resolve-name.ts'
import { headlessCause, serviceAddresses } from './service-addresses.ts'
import { type HopModel, type Station, type Step, walk } from './step.ts'
import { terwayModel } from './terway-model.ts'
import { vpcModel } from './vpc-model.ts'
import { type Atlas, nameOf, nodeAddresses, podAddresses } from './world.ts'

/** The first that knows a station decides: load balancers come before the VPC's routes. */
export const MODELS: readonly HopModel[] = [proxyModel, flannelModel, terwayModel, loadBalancerModel, vpcModel]

export type Verdict = 'reachable' | 'partly' | 'refused' | 'dropped' | 'unreachable' | 'unresolved'

export interface Prediction {
  readonly from: Place
  readonly to: string
  readonly protocol: Target['protocol']
  readonly port: number
  /** Of a name: how it became addresses. */
  readonly resolution?: Resolution
  /** How questions for names get to the DNS, when that matters: they do not. */
  readonly toNameServer?: Path
  /** Left out when there is no address to go to. */
  readonly path?: Path
  readonly verdict: Verdict
  readonly cause?: Cause
}

export function predict(
  origin: Origin,
  target: Target,
  atlas: Atlas,
  models: readonly HopModel[] = MODELS,
): Prediction {
  const from = placeOf(origin)
  const base = { from, to: target.text, protocol: target.protocol, port: target.port }
  const found = addressesFor(origin, target, { atlas, models })
  const { addresses: _, cause, ports: __, ...told } = found
  if (cause !== undefined || found.addresses.length === 0) {
    return {
      ...base,
      ...told,
      verdict: told.resolution === undefined ? 'unreachable' : 'unresolved',
      ...(cause === undefined ? {} : { cause }),
    }
  }
  const ways = found.addresses.map((address, index) => {
    const flow = { destination: address, port: found.ports?.[index] ?? target.port, protocol: target.protocol }
    return { address: hostPort(address, flow.port), path: pathTo(origin, flow, { atlas, models }) }
  })
  const path = together(ways, atlas)
  return { ...base, ...told, path, ...judge(path, target) }
}

function together(ways: readonly { readonly address: string; readonly path: Path }[], atlas: Atlas): Path {
  const [only] = ways
  if (ways.length === 1 && only !== undefined) return only.path
  const branches = ways.map(({ address, path }) => {
    const pod = atlas.podsByAddress.get(address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, ''))
    return {
      share: 1 / ways.length,
      endpoint: address,
      ...(pod === undefined ? {} : { object: refOf(pod, 'Pod') }),
      path,
    }
  })
  return { hops: [], next: { kind: 'choice', how: 'addresses of the name', branches } }
}

function judge(path: Path, target: Target): { verdict: Verdict; cause?: Cause } {
  const ends = routesOf(path).map(({ end }) => end)
  const failed = ends.filter((end) => end.kind !== 'delivered')
  const [first] = failed
  if (first === undefined) return { verdict: 'reachable' }
  const verdict = failed.length < ends.length ? 'partly' : first.kind
  return { verdict, cause: betterCause(first.cause, target) }
}

function betterCause(cause: Cause, target: Target): Cause {
  const headless = target.kind === 'service' && isHeadless(target.service)
  return (headless ? headlessCause(cause, target.service, target.port) : undefined) ?? cause
}

interface Scope {
  readonly atlas: Atlas
  readonly models: readonly HopModel[]
}

interface Addresses {
  readonly addresses: readonly string[]
  /** One for each address, where they differ from the target's. */
  readonly ports?: readonly number[]
  readonly resolution?: Resolution
  readonly toNameServer?: Path
  readonly cause?: Cause
}

function addressesFor(origin: Origin, target: Target, scope: Scope): Addresses {
  switch (target.kind) {
    case 'address':
      return { addresses: [target.address] }
    case 'pod': {
      const addresses =
        target.pod.spec.hostNetwork === true
          ? nodeOfPod(target.pod.spec.nodeName, scope.atlas)
          : podAddresses(target.pod)
      const [address] = addresses
      if (address !== undefined) return { addresses: [address] }
      const sentence = `pod ${nameOf(target.pod)} has no address (its phase is ${target.pod.status?.phase ?? 'unknown'})`
      return { addresses: [], cause: { code: 'pod-ended', sentence, object: refOf(target.pod, 'Pod') } }
    }
    case 'service':
      if (target.service.spec.type === 'ExternalName')
        return named(origin, serviceName(target.service, scope.atlas), scope)
      return serviceAddresses(target.service, target, { origin: origin.kind, atlas: scope.atlas })
    case 'name':
      return named(origin, target.name, scope)
    default:
      return target satisfies never
  }
}

function nodeOfPod(name: string | undefined, atlas: Atlas): readonly string[] {
  const node = atlas.nodesByName.get(name ?? '')
  return node === undefined ? [] : nodeAddresses(node)
}

function serviceName({ metadata }: Service, { around }: Atlas): string {
  return `${metadata.name}.${metadata.namespace}.svc.${around.clusterDomain}.`
}

/** Names are known to pods; nodes and the internet ask resolvers of their own. */
function named(origin: Origin, name: string, { atlas, models }: Scope): Addresses {
  const balancers = atlas.cloud?.names.get(name.replace(/\.$/, '').toLowerCase())
  // Names of load balancers are known everywhere.
  if (origin.kind !== 'pod' && balancers !== undefined) return { addresses: balancers.slice(0, 1) }
  if (origin.kind !== 'pod') {
    const who = origin.kind === 'node' ? origin.node.metadata.name : 'a client on the internet'
    const sentence = `${who} does not ask the cluster's DNS, which alone knows ${name}`
    return { addresses: [], cause: { code: 'no-cluster-dns', sentence, mend: 'give the address, or svc/NAME' } }
  }
  const resolution = resolveInPod(name, origin.pod, atlas)
  if (resolution.cause?.code === 'no-cluster-dns') return { addresses: [], resolution, cause: resolution.cause }
  const question = { destination: atlas.around.dnsAddress, port: 53, protocol: 'UDP' } as const
  const toNameServer = pathTo(origin, question, { atlas, models })
  const ends = routesOf(toNameServer).map(({ end }) => end)
  const failed = ends.find((end) => end.kind !== 'delivered')
  if (failed !== undefined && ends.every(({ kind }) => kind !== 'delivered')) {
    const sentence = `the DNS at ${question.destination} does not answer: ${failed.cause.sentence}`
    return {
      addresses: [],
      resolution: { ...resolution, addresses: [] },
      toNameServer,
      cause: { ...failed.cause, code: 'name-server', sentence },
    }
  }
  const family = (address: string) => address.includes(':')
  const own = podAddresses(origin.pod)
  const usable = resolution.addresses.filter(
    (address) => own.length === 0 || own.some((text) => family(text) === family(address)),
  )
  const addresses = resolution.service !== undefined && isHeadless(resolution.service) ? usable : usable.slice(0, 1)
  const cause = resolution.cause === undefined ? {} : { cause: resolution.cause }
  return { addresses, resolution, ...cause }
}

/** The way of a connection's first packet. */
function pathTo(
  origin: Origin,
  flow: Pick<Step['flow'], 'destination' | 'port' | 'protocol'>,
  { atlas, models }: Scope,
): Path {
  const place = placeOf(origin)
  const source = sourceFor(origin, flow.destination, atlas)
  const full = { ...flow, source }
  const start: Hop = { kind: 'origin', place, flow: full }
  const path = walk({ station: stationOf(origin, flow.destination), flow: full, back: [] }, models, atlas)
  return { hops: [start, ...path.hops], next: path.next }
}

export function placeOf(origin: Origin): Place {
  if (origin.kind === 'internet') return { kind: 'internet' }
  return origin.kind === 'node' ? { kind: 'node', name: origin.node.metadata.name } : placeOfPod(origin.pod)
}

function stationOf(origin: Origin, destination: string): Station {
  if (origin.kind === 'internet') return { at: 'internet-out' }
  if (origin.kind === 'node') return { at: 'output', node: origin.node.metadata.name }
  if (origin.pod.spec.hostNetwork === true) return { at: 'output', node: origin.pod.spec.nodeName ?? '' }
  return podAddresses(origin.pod).includes(destination)
    ? { at: 'pod-in', pod: origin.pod }
    : { at: 'pod-out', pod: origin.pod }
}

/** The source that the kernel chooses: that of the device which the route to the destination leads by. */
function sourceFor(origin: Origin, destination: string, atlas: Atlas): string {
  const fits = (address: string) => address.includes(':') === destination.includes(':')
  if (origin.kind === 'internet') return origin.addresses.find(fits) ?? ''
  if (origin.kind === 'pod' && origin.pod.spec.hostNetwork !== true) return podAddresses(origin.pod).find(fits) ?? ''
  const name = origin.kind === 'node' ? origin.node.metadata.name : (origin.pod.spec.nodeName ?? '')
  const view = viewOf(name, atlas)
  if (view.addresses.includes(destination)) return destination
  if (within(destination, view.podCidrs)) return deviceAddress('cni0', view, { destination }) ?? ''
  if (
    within(destination, atlas.around.clusterCidrs) &&
    atlas.objects.nodes.some((node) => within(destination, viewOf(node.metadata.name, atlas).podCidrs))
  ) {
    return deviceAddress('flannel.1', view, { destination }) ?? ''
  }
  return view.addresses.find(fits) ?? ''
}

/** All ways of a prediction. */
export function routes(prediction: Prediction): Route[] {
  return prediction.path === undefined ? [] : routesOf(prediction.path)
}
