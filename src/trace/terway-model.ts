/** Pods with addresses of the VPC (Terway, ENIs shared by pods): no overlay, no masquerade inside the VPC. */

import { enterNode, enterPod, leavePod } from './flannel-model.ts'
import type { Hop, Place } from './hop.ts'
import { viewOf } from './proxy-model.ts'
import { stoppedByGroup } from './security-model.ts'
import { ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, nameOf } from './world.ts'

export const terwayModel: HopModel = {
  name: 'terway',
  next(step, atlas) {
    const { station } = step
    if (atlas.around.network !== 'terway-eniip') return undefined
    switch (station.at) {
      case 'pod-out':
        return leavePod(step, station.pod)
      case 'routing':
        return route(step, station.node, atlas)
      case 'pod-in':
        return enterPod(step, station.pod, atlas)
      case 'node-in':
        return enterNode(step, station.node, atlas)
      case 'vpc':
        return toPodsNode(step, atlas)
      default:
        return undefined
    }
  },
}

/** A pod's address leads to the interface that has it, and so to the pod's node. */
function toPodsNode(step: Step, atlas: Atlas): Next | undefined {
  const pod = atlas.podsByAddress.get(step.flow.destination)
  const node = pod?.spec.nodeName
  if (pod === undefined || node === undefined) return undefined
  const stopped = step.balanced === true ? undefined : stoppedByGroup(step.flow, atlas)
  if (stopped !== undefined) return ending('dropped', stopped)
  const { balanced: _, ...rest } = step
  const hop: Hop = { kind: 'route', place: { kind: 'vpc' }, to: node, device: `ENI of pod ${nameOf(pod)}` }
  return { kind: 'step', hops: [hop], step: { ...rest, station: { at: 'prerouting', node } } }
}

function route(step: Step, name: string, atlas: Atlas): Next {
  const view = viewOf(name, atlas)
  const place: Place = { kind: 'node', name }
  const { destination } = step.flow
  if (view.addresses.includes(destination))
    return { kind: 'step', hops: [], step: { ...step, station: { at: 'node-in', node: name } } }
  const left = masqueraded(step, place, view.addresses)
  const pod = atlas.podsByAddress.get(destination)
  if (pod?.spec.nodeName === name) {
    const hop: Hop = { kind: 'route', place, to: `pod ${nameOf(pod)}`, device: 'its own link' }
    return { kind: 'step', hops: [...left.hops, hop], step: { ...left.step, station: { at: 'pod-in', pod } } }
  }
  const hop: Hop = { kind: 'route', place, to: 'the VPC', device: 'the ENI of the source' }
  return {
    kind: 'step',
    hops: [...left.hops, hop],
    step: { ...left.step, station: { at: 'vpc', from: 'node', node: name } },
  }
}

function masqueraded(step: Step, place: Place, addresses: readonly string[]): { hops: readonly Hop[]; step: Step } {
  const { masquerade, translated: wasSent, ...rest } = step
  const six = step.flow.destination.includes(':')
  const source = addresses.find((text) => text.includes(':') === six)
  const why =
    masquerade ??
    (wasSent === true && step.flow.source === step.flow.destination ? 'a pod that was sent to itself' : undefined)
  if (why === undefined || source === undefined || source === step.flow.source) return { hops: [], step: rest }
  const by = `${six ? 'ip6' : 'ip'} fairlead postrouting`
  const change = translated(rest, { place, what: 'source', to: { source }, by, why })
  return { hops: [change.hop], step: change.step }
}
