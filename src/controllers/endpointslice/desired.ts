import { isIPv6 } from 'node:net'
import type { IpFamily, Node, Pod, Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointPort } from '../../kube/types/discovery.ts'
import { isReady } from '../pod-state.ts'
import { canBeEndpoint, endpointHostname, podAddresses } from '../service-pods.ts'
import { targetPortOf } from '../service-ports.ts'
import { wantsAutoHints, ZONE_LABEL } from './topology-hints.ts'

/** Endpoints that have the same ports, and so may share a slice. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

export interface DesiredEndpoints {
  readonly groups: readonly EndpointGroup[]
  /** Pods left out because their node is not known (yet). */
  readonly unknownNodes: readonly string[]
}

/** The endpoints of one family that a Service should have, grouped by the ports that its pods resolve them to. */
export function desiredEndpoints(
  service: Service,
  family: IpFamily,
  world: { readonly pods: readonly Pod[]; node(name: string): Node | undefined },
): DesiredEndpoints {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>()
  const unknownNodes: string[] = []
  for (const pod of world.pods.filter(canBeEndpoint)) {
    const addresses = podAddresses(pod).filter((address) => isIPv6(address) === (family === 'IPv6'))
    if (addresses.length === 0) continue
    const { nodeName } = pod.spec
    const node = nodeName === undefined ? undefined : world.node(nodeName)
    if (node === undefined && nodeName !== undefined && service.spec.publishNotReadyAddresses !== true) {
      unknownNodes.push(nodeName)
      continue
    }
    const ports = endpointPorts(service, pod)
    const key = portsKey(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, { addresses, zone: node?.metadata.labels?.[ZONE_LABEL] }))
  }
  return { groups: [...groups.values()], unknownNodes }
}

/** Equal for equal sets of ports, whatever their order. */
export function portsKey(ports: readonly EndpointPort[]): string {
  const keys = ports.map(({ name = '', port = 0, protocol = 'TCP', appProtocol = '' }) =>
    [name, port, protocol, appProtocol].join('|'),
  )
  return keys.sort().join()
}

function endpointPorts(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPortOf(pod, port)
    if (number === undefined) return []
    return [
      {
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      },
    ]
  })
}

function endpointOf(
  service: Service,
  pod: Pod,
  place: { readonly addresses: readonly string[]; readonly zone: string | undefined },
): Endpoint {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const hostname = endpointHostname(pod, service)
  const { namespace, name, uid } = pod.metadata
  const { nodeName } = pod.spec
  // The annotation comes first: its hints are given once it is known which slices change.
  const distribution = wantsAutoHints(service) ? undefined : service.spec.trafficDistribution
  const hints = ready ? hintsFor(distribution, place.zone, nodeName) : undefined
  return {
    addresses: place.addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: {
      kind: 'Pod',
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(place.zone === undefined ? {} : { zone: place.zone }),
    ...(hints === undefined ? {} : { hints }),
  }
}

/** Same-zone and same-node hints (KEP-4444, KEP-3015); an endpoint without a zone gets none. */
function hintsFor(
  distribution: string | undefined,
  zone: string | undefined,
  nodeName: string | undefined,
): Endpoint['hints'] {
  if (zone === undefined) return undefined
  const forZones = [{ name: zone }]
  if (distribution === 'PreferClose' || distribution === 'PreferSameZone') return { forZones }
  if (distribution !== 'PreferSameNode') return undefined
  return nodeName === undefined ? { forZones } : { forZones, forNodes: [{ name: nodeName }] }
}
