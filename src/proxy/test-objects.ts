/** For tests: Services and EndpointSlices in few words. */
import type { Service, ServicePort, ServiceSpec } from '../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../kube/types/discovery.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { ServiceObjects } from './program.ts'

export interface ServiceWords extends Partial<Omit<ServiceSpec, 'ports'>> {
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
  /** Addresses of the load balancer, ipMode VIP. */
  readonly ingress?: readonly string[]
  readonly created?: string
  readonly ports?: readonly ServicePort[]
}

/** A ClusterIP Service in `default`, TCP and UDP port 80, unless said otherwise. */
export function aService(
  name: string,
  { labels, annotations, ingress, created, ports, ...spec }: ServiceWords,
): Service {
  const clusterIPs = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'default',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(created === undefined ? {} : { creationTimestamp: created }),
    },
    spec: {
      type: 'ClusterIP',
      ...spec,
      clusterIP: spec.clusterIP ?? clusterIPs[0] ?? 'None',
      clusterIPs,
      ports: ports ?? [
        { name: 'tcp', protocol: 'TCP', port: 80, targetPort: 8080 },
        { name: 'udp', protocol: 'UDP', port: 80, targetPort: 8080 },
      ],
    },
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } } }),
  }
}

export interface EndpointWords {
  readonly ip: string
  readonly node?: string
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
  readonly pod?: string
  readonly forZones?: readonly string[]
  readonly forNodes?: readonly string[]
}

/** A slice of a Service whose endpoints (all of one family) listen on 8080. */
export function aSlice(service: string, endpoints: readonly (string | EndpointWords)[], suffix = 'x'): EndpointSlice {
  const words = endpoints.map((endpoint) => (typeof endpoint === 'string' ? { ip: endpoint } : endpoint))
  const port = (protocol: Protocol) => ({ name: protocol.toLowerCase(), protocol, port: 8080 })
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: words[0]?.ip.includes(':') ? 'IPv6' : 'IPv4',
    metadata: {
      name: `${service}-${suffix}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': service },
    },
    ports: [port('TCP'), port('UDP'), port('SCTP')],
    endpoints: words.map(anEndpoint),
  }
}

function anEndpoint({ ip, node, ready, serving, terminating, pod, forZones, forNodes }: EndpointWords): Endpoint {
  const names = (all: readonly string[]) => all.map((name) => ({ name }))
  const hints = {
    ...(forZones === undefined ? {} : { forZones: names(forZones) }),
    ...(forNodes === undefined ? {} : { forNodes: names(forNodes) }),
  }
  return {
    addresses: [ip],
    conditions: {
      ready: ready ?? true,
      ...(serving === undefined ? {} : { serving }),
      ...(terminating === undefined ? {} : { terminating }),
    },
    ...(node === undefined ? {} : { nodeName: node }),
    ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', name: pod } }),
    ...(Object.keys(hints).length === 0 ? {} : { hints }),
  }
}

/** A Service with its slices, as handed to the program. */
export function together(service: Service, ...slices: EndpointSlice[]): ServiceObjects {
  return { key: `${service.metadata.namespace}/${service.metadata.name}`, service, slices }
}

/** Hands in that a Service is gone. */
export function gone(name: string): ServiceObjects {
  return { key: `default/${name}`, service: undefined, slices: [] }
}
