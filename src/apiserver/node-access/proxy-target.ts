import type { Node, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { ApiContext } from '../context.ts'
import { decodedObject } from '../decoded.ts'
import { listObjects } from '../list.ts'
import { selectionOf } from '../selection.ts'
import { badRequest, internalError, StatusError, unavailable } from '../status-error.ts'
import type { ClusterPlace } from './cluster-network.ts'
import type { ProxyName } from './proxy-path.ts'

/** Addresses that mean another machine to each who uses them. */
const LOCAL = /^(127\.|169\.254\.|0\.0\.0\.0$|::1?$|fe80:)/i

/** Where a pod is reached: at its port, or the first that it declares. @throws StatusError */
export function podTarget({ metadata, spec, status }: Pod, { port }: ProxyName): ClusterPlace {
  const declared = spec.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort
  const number = port === '' ? (declared ?? 80) : portNumber(port)
  const host = status?.podIP
  if (!host || !spec.nodeName) throw badRequest(`address not allowed: pod ${metadata.name} has none yet`)
  return allowed({ kind: 'pod', node: spec.nodeName, host, port: number })
}

/** A ready endpoint of a Service, chosen at random. @throws StatusError */
export function serviceTarget(
  context: ApiContext,
  { metadata: { name, namespace }, spec }: Service,
  { port }: ProxyName,
): ClusterPlace {
  const portName = servicePortName(name, spec.ports ?? [], port)
  const places = slicesOf(context, namespace, name).flatMap((slice) => {
    const number = slice.ports?.find((one) => (one.name ?? '') === portName)?.port
    if (!number || slice.addressType === 'FQDN') return []
    const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    return ready.flatMap(({ addresses: [host], nodeName }): ClusterPlace[] => {
      if (host === undefined) return []
      // Without a node it is a place outside the pod network.
      return [{ kind: nodeName ? 'pod' : 'node', node: nodeName ?? '', host, port: number }]
    })
  })
  const place = places[places.length === 0 ? 0 : context.random.below(places.length)]
  if (place === undefined) throw unavailable(`no endpoints available for service "${name}"`)
  return allowed(place)
}

/** A port of a node that is not its kubelet's. @throws StatusError */
export function nodeTarget({ metadata: { name }, status }: Node, { port }: ProxyName): ClusterPlace {
  const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  if (host === undefined) throw new StatusError(503, 'ServiceUnavailable', `node "${name}" has no address`)
  return allowed({ kind: 'node', node: name, host, port: portNumber(port) })
}

type ServicePorts = NonNullable<Service['spec']['ports']>

function servicePortName(service: string, ports: ServicePorts, wanted: string): string {
  // One more than upstream, which then finds unnamed ports only: what else could be meant?
  if (wanted === '') return ports.length === 1 ? (ports[0]?.name ?? '') : ''
  if (!/^\d+$/.test(wanted)) return wanted
  const found = ports.find(({ port }) => port === Number(wanted))
  if (found === undefined) throw unavailable(`no service port ${wanted} found for service "${service}"`)
  return found.name ?? ''
}

function slicesOf(context: ApiContext, namespace: string | undefined, service: string): readonly EndpointSlice[] {
  const kind = context.kinds.find('discovery.k8s.io', 'v1', 'endpointslices')
  if (kind === undefined) throw internalError('endpoint slices are not served')
  const page = listObjects(context, {
    kind,
    namespace,
    selection: selectionOf(kind, `kubernetes.io/service-name=${service}`, null),
    limit: undefined,
    continueToken: undefined,
    resourceVersion: '',
    resourceVersionMatch: '',
  })
  return page.entries.map((entry) => decodedObject(entry) as EndpointSlice)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw badRequest(`invalid port "${text}": give a number from 1 to 65535`)
}

function allowed(place: ClusterPlace): ClusterPlace {
  if (LOCAL.test(place.host)) throw badRequest('address not allowed')
  return place
}
