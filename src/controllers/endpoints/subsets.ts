import { isIPv6 } from 'node:net'
import type { EndpointAddress, Endpoints, Pod, Service } from '../../kube/types/core.ts'
import { isReady } from '../pod-state.ts'
import { canBeEndpoint, endpointHostname, isHeadless, podAddresses } from '../service-pods.ts'
import { targetPortOf } from '../service-ports.ts'

export type Subset = NonNullable<Endpoints['subsets']>[number]
type Port = NonNullable<Subset['ports']>[number]

/** At most so many addresses in an Endpoints object; the rest is left out and an annotation says so. */
export const MAX_ADDRESSES = 1000

interface Entry {
  readonly address: EndpointAddress
  readonly ready: boolean
  readonly port: Port | undefined
}

/**
 * The subsets of a Service's Endpoints object: every combination of address and port once, ports with the same
 * addresses together, sorted (upstream's RepackSubsets). Only the Service's primary family. A terminating pod is
 * left out unless not-ready addresses are published.
 */
export function endpointSubsets(service: Service, pods: readonly Pod[]): readonly Subset[] {
  const entries = pods.filter(canBeEndpoint).flatMap((pod) => entriesOf(service, pod))
  return repack(entries)
}

/** Leaves out addresses beyond `max`: ready ones are preferred, and every subset gives in proportion. */
export function truncate(
  subsets: readonly Subset[],
  max = MAX_ADDRESSES,
): { readonly subsets: readonly Subset[]; readonly truncated: boolean } {
  const ready = count(subsets, 'addresses')
  const total = ready + count(subsets, 'notReadyAddresses')
  if (total <= max) return { subsets, truncated: false }
  const readyRoom = Math.min(ready, max)
  const readyParts = shares(
    subsets.map((subset) => subset.addresses?.length ?? 0),
    readyRoom,
  )
  const otherParts = shares(
    subsets.map((subset) => subset.notReadyAddresses?.length ?? 0),
    max - readyRoom,
  )
  const cut = subsets.map((subset, index) =>
    subsetOf(
      subset.addresses?.slice(0, readyParts[index]) ?? [],
      subset.notReadyAddresses?.slice(0, otherParts[index]) ?? [],
      subset.ports ?? [],
    ),
  )
  return { subsets: cut.filter((subset) => subset.addresses || subset.notReadyAddresses), truncated: true }
}

function entriesOf(service: Service, pod: Pod): readonly Entry[] {
  const publishAll = service.spec.publishNotReadyAddresses === true
  if (pod.metadata.deletionTimestamp !== undefined && !publishAll) return []
  const wantsV6 = service.spec.ipFamilies?.[0] === 'IPv6'
  const ip = podAddresses(pod).find((address) => isIPv6(address) === wantsV6)
  if (ip === undefined) return []
  const address = addressOf(service, pod, ip)
  const ready = publishAll || isReady(pod)
  const ports = service.spec.ports ?? []
  if (ports.length === 0) return isHeadless(service) ? [{ address, ready, port: undefined }] : []
  return ports.flatMap((port) => {
    const number = targetPortOf(pod, port)
    if (number === undefined) return []
    const { name, protocol = 'TCP', appProtocol } = port
    const resolved: Port = {
      ...(name === undefined || name === '' ? {} : { name }),
      port: number,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }
    return [{ address, ready, port: resolved }]
  })
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = endpointHostname(pod, service)
  const { namespace, name, uid } = pod.metadata
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
  }
}

function repack(entries: readonly Entry[]): readonly Subset[] {
  const byPort = new Map<string, { port: Port | undefined; entries: Map<string, Entry> }>()
  for (const entry of entries) {
    const key = JSON.stringify(entry.port ?? null)
    const group = byPort.get(key) ?? { port: entry.port, entries: new Map<string, Entry>() }
    byPort.set(key, group)
    group.entries.set(`${entry.address.ip}|${entry.address.targetRef?.uid}`, entry)
  }
  const byAddresses = new Map<string, { ports: Port[]; entries: readonly Entry[] }>()
  for (const [, { port, entries: found }] of [...byPort].sort(([left], [right]) => compare(left, right))) {
    const sorted = [...found].sort(([left], [right]) => compare(left, right))
    const key = JSON.stringify([port === undefined, sorted.map(([identity, { ready }]) => [identity, ready])])
    const group = byAddresses.get(key) ?? { ports: [], entries: sorted.map(([, entry]) => entry) }
    byAddresses.set(key, group)
    if (port !== undefined) group.ports.push(port)
  }
  return [...byAddresses.values()].map((group) =>
    subsetOf(
      group.entries.filter(({ ready }) => ready).map(({ address }) => address),
      group.entries.filter(({ ready }) => !ready).map(({ address }) => address),
      group.ports,
    ),
  )
}

function subsetOf(
  addresses: readonly EndpointAddress[],
  notReadyAddresses: readonly EndpointAddress[],
  ports: readonly Port[],
): Subset {
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
    ...(ports.length === 0 ? {} : { ports }),
  }
}

function count(subsets: readonly Subset[], field: 'addresses' | 'notReadyAddresses'): number {
  return subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0)
}

/** Divides `room` in proportion to the sizes, rounding up while there is any left. */
function shares(sizes: readonly number[], room: number): readonly number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let left = room
  return sizes.map((size) => {
    const share = total === 0 ? 0 : Math.min(left, Math.ceil((size / total) * room))
    left -= share
    return share
  })
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
