/** Pods and nodes on a Flannel network: where a node sends a packet, and with which source. */
import { formatAddress, nthAddress, parseCidr } from '../base/ip.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import type { Pod } from '../kube/types/core.ts'
import { leaseOf, VNI, VXLAN_PORT } from '../network/flannel/lease.ts'
import type { NodeView } from '../proxy/node-view.ts'
import type { Cause, Flow, Hop, Place } from './hop.ts'
import { deaf, takes } from './listening.ts'
import { viewOf, within } from './proxy-model.ts'
import { stoppedByGroup } from './security-model.ts'
import { delivered, ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, nameOf } from './world.ts'

export const flannelModel: HopModel = {
  name: 'flannel',
  next(step, atlas) {
    const { station } = step
    if (atlas.around.network !== 'flannel') return undefined
    switch (station.at) {
      case 'pod-out':
        return leavePod(step, station.pod)
      case 'routing':
        return route(step, viewOf(station.node, atlas), atlas)
      case 'pod-in':
        return enterPod(step, station.pod, atlas)
      case 'node-in':
        return enterNode(step, station.node, atlas)
      default:
        return undefined
    }
  },
}

export function placeOfPod(pod: Pod): Place {
  const { namespace = '', name } = pod.metadata
  return { kind: 'pod', namespace, name, node: pod.spec.nodeName ?? '' }
}

export function leavePod(step: Step, pod: Pod): Next {
  const node = pod.spec.nodeName ?? ''
  const hop: Hop = { kind: 'route', place: placeOfPod(pod), to: node, device: 'eth0' }
  return { kind: 'step', hops: [hop], step: { ...step, station: { at: 'prerouting', node } } }
}

function route(step: Step, node: NodeView, atlas: Atlas): Next {
  const { destination } = step.flow
  const place: Place = { kind: 'node', name: node.name }
  if (node.addresses.includes(destination) || isBridge(destination, node)) {
    return { kind: 'step', hops: [], step: { ...step, station: { at: 'node-in', node: node.name } } }
  }
  if (within(destination, node.podCidrs)) return toLocalPod(step, node, atlas)
  const peer = peerOf(destination, node, atlas)
  if (peer !== undefined) return throughTunnel(step, { node, peer, atlas })
  const left = leaveBy(step, { device: 'eth0', node, atlas })
  const hop: Hop = { kind: 'route', place, to: 'the VPC', device: 'eth0' }
  const station = { at: 'vpc', from: 'node', node: node.name } as const
  return { kind: 'step', hops: [...left.hops, hop], step: { ...left.step, station } }
}

function toLocalPod(step: Step, node: NodeView, atlas: Atlas): Next {
  const { destination } = step.flow
  const pod = atlas.podsByAddress.get(destination)
  const left = leaveBy(step, { device: 'cni0', node, atlas })
  if (pod === undefined) {
    const sentence = `no pod on ${node.name} has the address ${destination} any more`
    return ending('unreachable', { code: 'nobody-there', sentence, mend: 'ask a Service instead of a pod' }, left.hops)
  }
  const hop: Hop = { kind: 'route', place: { kind: 'node', name: node.name }, to: `pod ${nameOf(pod)}`, device: 'cni0' }
  return { kind: 'step', hops: [...left.hops, hop], step: { ...left.step, station: { at: 'pod-in', pod } } }
}

/** The node that has the pods of an address, and how it is reached; undefined when this node has no way to it. */
function peerOf(destination: string, node: NodeView, atlas: Atlas): { name: string; address: string } | undefined {
  const family = destination.includes(':') ? 6 : 4
  const routes = atlas.kernel?.routes.get(node.name)
  for (const other of atlas.objects.nodes) {
    const view = viewOf(other.metadata.name, atlas)
    const cidr = view.podCidrs.find((text) => within(destination, [text]))
    if (cidr === undefined || view.name === node.name) continue
    const lease = leaseOf(other, family)
    const address = lease?.publicIp ?? view.addresses.find((text) => text.includes(':') === (family === 6))
    const known = routes === undefined ? lease !== undefined : routes.includes(cidr)
    return known && address !== undefined ? { name: view.name, address } : undefined
  }
  return undefined
}

interface Tunnel {
  readonly node: NodeView
  readonly peer: { readonly name: string; readonly address: string }
  readonly atlas: Atlas
}

function throughTunnel(step: Step, { node, peer, atlas }: Tunnel): Next {
  const family = step.flow.destination.includes(':')
  const device = family ? `flannel-v6.${VNI}` : `flannel.${VNI}`
  const left = leaveBy(step, { device, node, atlas })
  const [from, to] = [node.name, peer.name].map((name): Place => ({ kind: 'node', name })) as [Place, Place]
  const source = node.addresses.find((text) => text.includes(':') === family) ?? ''
  const hop: Hop = {
    kind: 'tunnel',
    device,
    vni: VNI,
    from,
    to,
    outer: { source, destination: peer.address, port: VXLAN_PORT },
  }
  // The VPC sees datagrams between nodes, and asks their groups.
  const outer: Flow = { protocol: 'UDP', source, destination: peer.address, port: VXLAN_PORT }
  const stopped = stoppedByGroup(outer, atlas)
  if (stopped !== undefined) return ending('dropped', stopped, [...left.hops, hop])
  const back = [{ kind: 'tunnel', from: to, to: from, device } as const, ...left.step.back]
  return {
    kind: 'step',
    hops: [...left.hops, hop],
    step: { ...left.step, back, station: { at: 'prerouting', node: peer.name } },
  }
}

interface Leaving {
  readonly device: string
  readonly node: NodeView
  readonly atlas: Atlas
}

/** Postrouting: who is to be masqueraded gets the address of the device that the packet leaves by. */
function leaveBy(step: Step, { device, node, atlas }: Leaving): { readonly hops: readonly Hop[]; readonly step: Step } {
  const { masquerade: _, translated: __, ...rest } = step
  const reason = masqueradeReason(step, atlas)
  const to = deviceAddress(device, node, step.flow)
  if (reason === undefined || to === undefined || to === step.flow.source) return { hops: [], step: rest }
  const place: Place = { kind: 'node', name: node.name }
  const change = translated(rest, { place, what: 'source', to: { source: to }, by: reason.by, why: reason.why })
  return { hops: [change.hop], step: change.step }
}

function masqueradeReason(step: Step, atlas: Atlas): { readonly by: string; readonly why: string } | undefined {
  const { flow, masquerade } = step
  const family = flow.destination.includes(':') ? 'ip6' : 'ip'
  if (masquerade !== undefined) return { by: `${family} fairlead postrouting`, why: masquerade }
  if (step.translated === true && flow.source === flow.destination) {
    return { by: `${family} fairlead postrouting`, why: 'a pod that was sent to itself' }
  }
  const { clusterCidrs } = atlas.around
  if (!within(flow.source, clusterCidrs) || within(flow.destination, clusterCidrs)) return undefined
  return {
    by: `${family} fairlead-flannel postrouting`,
    why: 'traffic from pods to elsewhere has the address of its node',
  }
}

/** The address that a device gives to what is masqueraded. */
export function deviceAddress(
  device: string,
  node: NodeView,
  { destination }: Pick<Flow, 'destination'>,
): string | undefined {
  const six = destination.includes(':')
  if (device === 'eth0') return node.addresses.find((text) => text.includes(':') === six)
  const cidr = node.podCidrs.flatMap((text) => parseCidr(text) ?? []).find(({ family }) => (family === 6) === six)
  return cidr === undefined ? undefined : formatAddress(nthAddress(cidr, device === 'cni0' ? 1 : 0))
}

function isBridge(address: string, node: NodeView): boolean {
  return ['cni0', 'flannel.1'].some((device) => deviceAddress(device, node, { destination: address }) === address)
}

export function enterPod(step: Step, pod: Pod, atlas: Atlas): Next {
  const place = placeOfPod(pod)
  const listeners = atlas.kernel?.listeners.get(nameOf(pod))
  const next = delivered(step, place, refOf(pod, 'Pod'))
  const lost = lostAnswer(step, viewOf(pod.spec.nodeName ?? '', atlas), atlas)
  if (lost !== undefined) return ending('dropped', lost, next.hops)
  if (listeners === undefined || takes(listeners, step.flow)) return next
  return ending('refused', deaf(step, { what: `pod ${nameOf(pod)}`, listeners, ref: refOf(pod, 'Pod') }), next.hops)
}

export function enterNode(step: Step, name: string, atlas: Atlas): Next {
  const place: Place = { kind: 'node', name }
  const listeners = atlas.kernel?.listeners.get(name)
  const next = delivered(step, place)
  const lost = lostAnswer(step, viewOf(name, atlas), atlas)
  if (lost !== undefined) return ending('dropped', lost, next.hops)
  if (listeners === undefined || takes(listeners, step.flow)) return next
  return ending('refused', deaf(step, { what: name, listeners, ref: { kind: 'Node', name } }), next.hops)
}

/** Why what is answered here does not get back to who asked; undefined when it does. */
function lostAnswer({ flow }: Step, node: NodeView, atlas: Atlas): Cause | undefined {
  const { source } = flow
  if (atlas.around.network !== 'flannel' || !within(source, atlas.around.clusterCidrs) || within(source, node.podCidrs))
    return undefined
  if (peerOf(source, node, atlas) !== undefined) return undefined
  const sentence = `${node.name} has no route to ${source}: what comes in is answered, and the answer is lost`
  const mend = `see whether the network of ${node.name} runs, and of the node that has ${source}`
  return { code: 'no-way-back', sentence, object: { kind: 'Node', name: node.name }, mend }
}
