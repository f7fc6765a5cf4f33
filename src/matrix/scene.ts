/** What is applied to each cluster: the pods, and a Service for each thing that is asked. Plain data. */
import type { Pod, Service, ServiceSpec } from '../kube/types/core.ts'
import { POLICIES, type Policy } from './documented.ts'

/** Where all of it is. */
export const NAMESPACE = 'default'

/** Three pods on the first node, one on the second, none on the third: no two of the numbers that count are the same. */
export const BACKENDS = [
  { name: 'web-1', node: 'node-1', single: true },
  { name: 'web-2', node: 'node-1', single: false },
  { name: 'web-3', node: 'node-1', single: false },
  { name: 'web-4', node: 'node-2', single: true },
] as const

export const NODES = 3
/** Nodes that have pods of the Services. */
export const BACKEND_NODES: readonly string[] = [...new Set(BACKENDS.map(({ node }) => node))]

/** Where clients run. */
export const CLIENT_PODS = { 'pod-beside': 'client-beside', 'pod-elsewhere': 'client-elsewhere' } as const
export const NODE_BESIDE = 'node-1'
export const NODE_ELSEWHERE = 'node-3'
const CLIENT_NODES = { 'client-beside': NODE_BESIDE, 'client-elsewhere': NODE_ELSEWHERE } as const

/** What the ExternalName Service stands for, and where that is: a site on the internet that the experiment serves. */
export const EXTERNAL_NAME = 'db.example.com'

export const SCHEDULER = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-scheduler'
export const PERSISTENCE = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-persistence-timeout'
export const CERTIFICATE = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id'
export const PROTOCOL_PORT = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port'

/** What {@link PROTOCOL_PORT} says where there is a layer 7, and the name that its certificate is for. */
export const LAYER_7 = 'http:80,https:443'
export const SITE_NAME = 'web.example.com'
/** The port of the same load balancer that stays on layer 4. */
export const LAYER_4_PORT = 81

export interface SceneService {
  readonly name: string
  readonly spec: ServiceSpec
  readonly annotations?: Readonly<Record<string, string>>
  /** It is made when the cloud has the certificate. */
  readonly needsCertificate?: boolean
}

const HTTP = { name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' } as const
const UDP = { name: 'udp', port: 9000, targetPort: 'udp', protocol: 'UDP' } as const
export const WEB = { app: 'web' } as const
/** One pod a node: then a node is kept for a client exactly when a pod is. */
const SINGLE = { app: 'web', single: 'true' } as const

function balancer(externalTrafficPolicy: Policy, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return { type: 'LoadBalancer', externalTrafficPolicy, selector: WEB, ports: [HTTP], ...more }
}

export const SERVICES: readonly SceneService[] = [
  { name: 'clusterip', spec: { type: 'ClusterIP', selector: WEB, ports: [HTTP] } },
  { name: 'nodeport', spec: { type: 'NodePort', selector: WEB, ports: [HTTP] } },
  { name: 'headless', spec: { clusterIP: 'None', selector: WEB, ports: [{ ...HTTP, port: 8080 }] } },
  { name: 'external', spec: { type: 'ExternalName', externalName: EXTERNAL_NAME } },
  ...POLICIES.flatMap(balancersOf),
  {
    name: 'lb-layers',
    spec: balancer('Cluster', {
      ports: [HTTP, { ...HTTP, name: 'https', port: 443 }, { ...HTTP, name: 'tcp', port: LAYER_4_PORT }, UDP],
    }),
    annotations: { [PROTOCOL_PORT]: LAYER_7 },
    needsCertificate: true,
  },
]

/** `lb-local`, and the same with a scheduler, and with persistence. */
function balancersOf(policy: Policy): SceneService[] {
  const name = balancerName(policy)
  return [
    { name, spec: balancer(policy) },
    { name: `${name}-wrr`, spec: balancer(policy), annotations: { [SCHEDULER]: 'wrr' } },
    { name: `${name}-sticky`, spec: balancer(policy, { selector: SINGLE }), annotations: { [PERSISTENCE]: '300' } },
  ]
}

export function balancerName(policy: Policy): string {
  return `lb-${policy.toLowerCase()}`
}

/** Applied after all others: when a node serves it, the node knows what came before. */
export const BARRIER: SceneService = { name: 'barrier', spec: { selector: WEB, ports: [HTTP] } }

/** How many endpoints a Service has when all is there; undefined for one that has none of its own. */
export function endpointsOf({ spec }: SceneService): number | undefined {
  if (spec.selector === undefined) return undefined
  return spec.selector === SINGLE ? BACKEND_NODES.length : BACKENDS.length
}

export function podManifests(): Pod[] {
  const backends = BACKENDS.map(({ name, node, single }) =>
    pod(name, { node, labels: single ? SINGLE : WEB, container: ECHO }),
  )
  const clients = Object.entries(CLIENT_NODES).map(([name, node]) =>
    pod(name, { node, labels: { app: 'client' }, container: { name: 'client', image: 'fairlead/client' } }),
  )
  return [...backends, ...clients]
}

export function serviceManifest({ name, spec, annotations }: SceneService): Service {
  const metadata = { name, namespace: NAMESPACE, ...(annotations === undefined ? {} : { annotations }) }
  return { apiVersion: 'v1', kind: 'Service', metadata, spec }
}

const ECHO = {
  name: 'echo',
  image: 'fairlead/echo',
  // Ready is who listens: before that its first connections are refused.
  readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 },
  ports: [
    { name: 'http', containerPort: 8080 },
    { name: 'udp', containerPort: 9000, protocol: 'UDP' },
  ],
} as const

interface PodParts {
  readonly node: string
  readonly labels: Readonly<Record<string, string>>
  readonly container: Pod['spec']['containers'][number]
}

function pod(name: string, { node, labels, container }: PodParts): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels },
    spec: { nodeName: node, terminationGracePeriodSeconds: 1, containers: [container] },
  }
}
