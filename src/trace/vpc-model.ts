/** The VPC around the nodes and the internet beyond: routes between nodes, public addresses. */
import { PUBLIC_CIDRS } from '../cloud/fabric/fabric-names.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import type { Node, Service } from '../kube/types/core.ts'
import type { Cause, Hop, Place } from './hop.ts'
import { deaf, takes } from './listening.ts'
import { within } from './proxy-model.ts'
import { stoppedByGroup } from './security-model.ts'
import { delivered, ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, INTERNET_LISTENERS, nameOf, nodeAddresses } from './world.ts'

const VPC: Place = { kind: 'vpc' }
const INTERNET: Place = { kind: 'internet' }
const TABLE = 'ip fairlead-eip'

export const vpcModel: HopModel = {
  name: 'vpc',
  next(step, atlas) {
    const { station } = step
    if (station.at === 'internet-out') return leaveInternet(step, atlas)
    if (station.at !== 'vpc') return undefined
    return throughVpc(step, atlas)
  },
}

/** Clients on the internet have routes to public addresses only. */
function leaveInternet(step: Step, atlas: Atlas): Next {
  const { destination } = step.flow
  if (within(destination, PUBLIC_CIDRS)) {
    const hop: Hop = { kind: 'route', place: INTERNET, to: 'the VPC', device: 'eth0' }
    return { kind: 'step', hops: [hop], step: { ...step, station: { at: 'vpc', from: 'internet' } } }
  }
  if (atlas.around.internet.includes(destination)) return enterInternet(step, atlas)
  return ending('unreachable', insideAddress(destination, atlas))
}

function insideAddress(destination: string, atlas: Atlas): Cause {
  const code = 'inside-address-from-internet'
  const [service] = atlas.servicesByAddress.get(destination) ?? []
  if (service !== undefined) return { ...notFromInternet(service, destination), code }
  const node = atlas.nodesByAddress.get(destination)
  if (node !== undefined) {
    const eip = atlas.around.publicAddresses.find(({ address }) => address === destination)?.eip
    const mend = eip === undefined ? 'give the node an EIP' : `ask ${eip}, the EIP of ${node.metadata.name}`
    const sentence = `${destination} of ${node.metadata.name} is an address inside the VPC, which the internet has no route to`
    return { code, sentence, object: refOf(node, 'Node'), mend }
  }
  const pod = atlas.podsByAddress.get(destination)
  const what = pod === undefined ? destination : `${destination} of pod ${nameOf(pod)}`
  const mend = 'ask a Service of type LoadBalancer or NodePort'
  return {
    code,
    sentence: `the internet has no route to ${what}`,
    ...(pod === undefined ? {} : { object: refOf(pod, 'Pod') }),
    mend,
  }
}

function notFromInternet(service: Service, destination: string): Omit<Cause, 'code'> {
  const object = refOf(service, 'Service')
  const isCluster = (service.spec.clusterIPs ?? [service.spec.clusterIP]).includes(destination)
  const what = isCluster ? 'is a ClusterIP, which exists on nodes only' : 'is not a public address'
  const sentence = `${destination} of Service ${nameOf(service)} ${what}; the internet has no route to it`
  return { sentence, object, field: 'spec.type', mend: 'set it to LoadBalancer, or to NodePort with an EIP on a node' }
}

function throughVpc(step: Step, atlas: Atlas): Next {
  const { destination } = step.flow
  const bound = atlas.around.publicAddresses.find(({ eip }) => eip === destination)
  if (bound !== undefined) {
    const why = `${bound.eip} is the EIP of ${bound.address}`
    const change = translated(step, {
      place: VPC,
      what: 'destination',
      to: { destination: bound.address },
      by: `${TABLE} prerouting`,
      why,
    })
    const own = bound.address === step.flow.source ? bound.eip : undefined
    return onward(change.step, { hops: [change.hop], own }, atlas)
  }
  return onward(step, { hops: [], own: undefined }, atlas)
}

interface Way {
  readonly hops: readonly Hop[]
  /** The EIP by which somebody asks himself. */
  readonly own: string | undefined
}

function onward(step: Step, { hops, own }: Way, atlas: Atlas): Next {
  const { destination, port } = step.flow
  const { controlPlane, internet } = atlas.around
  // What a load balancer sends to its backends, and what the VPC's own processes take, is asked nothing.
  const isAsked = step.balanced !== true && controlPlane?.address !== destination
  const stopped = isAsked ? stoppedByGroup(step.flow, atlas) : undefined
  if (stopped !== undefined) return ending('dropped', stopped, hops)
  const node = atlas.nodesByAddress.get(destination)
  if (node !== undefined && own !== undefined) return intoNode(asOwnEip(step, { hops, own }), node)
  if (node !== undefined && nodeAddresses(node).includes(step.flow.source))
    return ending('dropped', toItself(node), hops)
  if (node !== undefined) return intoNode({ step, hops }, node)
  if (controlPlane?.address === destination) {
    const next = delivered(step, { kind: 'control-plane' })
    if (controlPlane.ports.includes(port)) return { ...next, hops: [...hops, ...next.hops] }
    const sentence = `the control plane does not listen on port ${port}`
    return ending('refused', { code: 'not-listening', sentence }, [...hops, ...next.hops])
  }
  if (internet.includes(destination)) return toInternet(step, hops, atlas)
  return ending('unreachable', noRoute(destination, atlas), hops)
}

function intoNode({ step, hops }: { step: Step; hops: readonly Hop[] }, node: Node): Next {
  const { name } = node.metadata
  const hop: Hop = { kind: 'route', place: VPC, to: name, device: `eni-${name}` }
  return { kind: 'step', hops: [...hops, hop], step: entered(step, name) }
}

/** Who asks its own EIP is seen as that. */
function asOwnEip(step: Step, { hops, own }: { hops: readonly Hop[]; own: string }) {
  const by = `${TABLE} postrouting`
  const why = 'back to itself, as its EIP'
  const change = translated(step, { place: VPC, what: 'source', to: { source: own }, by, why })
  return { step: change.step, hops: [...hops, change.hop] }
}

/** In a node it is a packet like any other. */
function entered({ balanced: _, ...step }: Step, node: string): Step {
  return { ...step, station: { at: 'prerouting', node } }
}

/** A packet that comes in with an address of the node's own is taken for a forged one (martian source). */
function toItself(node: Node): Cause {
  const { name } = node.metadata
  const sentence = `${name} cannot be reached from itself by way of a load balancer: the packet comes back with its own source address`
  const mend = `ask ${nodeAddresses(node)[0] ?? name}, its address inside`
  return { code: 'own-load-balancer', sentence, object: refOf(node, 'Node'), mend }
}

/** Who has no EIP reaches nobody on the internet. */
function toInternet(step: Step, hops: readonly Hop[], atlas: Atlas): Next {
  const { source } = step.flow
  const eip = atlas.around.publicAddresses.find(({ address }) => address === source)?.eip
  const { natGateway } = atlas.around
  if (eip === undefined && natGateway !== undefined) return throughNat(step, { hops, natGateway, atlas })
  if (eip === undefined) {
    const node = atlas.nodesByAddress.get(source)
    const sentence = `${node?.metadata.name ?? source} has no EIP, so the internet cannot be reached from it`
    const rule: Hop = {
      kind: 'rule',
      place: VPC,
      table: TABLE,
      chain: 'after-snat',
      rule: 'nobody without an EIP',
      verdict: 'drop',
    }
    return ending('dropped', { code: 'no-public-address', sentence, mend: 'bind an EIP to it' }, [...hops, rule])
  }
  const change = translated(step, {
    place: VPC,
    what: 'source',
    to: { source: eip },
    by: `${TABLE} postrouting`,
    why: `as the EIP of ${source}`,
  })
  const next = enterInternet(change.step, atlas)
  return { ...next, hops: [...hops, change.hop, ...next.hops] }
}

interface Nat {
  readonly hops: readonly Hop[]
  readonly natGateway: string
  readonly atlas: Atlas
}

function throughNat(step: Step, { hops, natGateway, atlas }: Nat): Next {
  const by = 'ip fairlead-snat postrouting'
  const change = translated(step, {
    place: VPC,
    what: 'source',
    to: { source: natGateway },
    by,
    why: 'by the NAT gateway',
  })
  const next = enterInternet(change.step, atlas)
  return { ...next, hops: [...hops, change.hop, ...next.hops] }
}

function enterInternet(step: Step, atlas: Atlas): Next {
  const next = delivered(step, INTERNET)
  const listeners = atlas.kernel?.listeners.get(INTERNET_LISTENERS)
  if (listeners === undefined || takes(listeners, step.flow)) return next
  return ending('refused', deaf(step, { what: 'the client on the internet', listeners }), next.hops)
}

function noRoute(destination: string, atlas: Atlas): Cause {
  const [service] = atlas.servicesByAddress.get(destination) ?? []
  if (service !== undefined) {
    const sentence = `nobody in the VPC answers for ${destination} of Service ${nameOf(service)}: no load balancer and no EIP has it`
    return {
      code: 'no-route',
      sentence,
      object: refOf(service, 'Service'),
      field: 'status.loadBalancer',
      mend: 'see whether its load balancer runs',
    }
  }
  if (within(destination, atlas.around.clusterCidrs)) {
    const sentence = `no node of the path has a route to the pods of ${destination}`
    return {
      code: 'no-route',
      sentence,
      mend: 'see whether the network of that node runs (annotations flannel.alpha.coreos.com/*)',
    }
  }
  return { code: 'no-route', sentence: `the VPC has no route to ${destination}` }
}
