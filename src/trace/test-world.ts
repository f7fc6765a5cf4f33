/** For tests: a cluster of three nodes on Flannel in few words. */
import type { Container, Node, Pod, Service, ServiceSpec } from '../kube/types/core.ts'
import { deriveSlices } from './derive-slices.ts'
import { type Prediction, predict } from './predict.ts'
import { parseOrigin, parseTarget } from './question.ts'
import { type Atlas, atlasOf, type ClusterObjects, type Listener, NOWHERE, type World } from './world.ts'

export interface PodWords {
  readonly name: string
  readonly namespace?: string
  /** @default 1 */
  readonly node?: 1 | 2 | 3
  readonly labels?: Readonly<Record<string, string>>
  readonly ready?: boolean
  readonly phase?: 'Running' | 'Succeeded'
  readonly container?: Partial<Container>
  readonly hostNetwork?: boolean
}

export function testNode(number: 1 | 2 | 3): Node {
  const name = `node-${number}`
  const prefix = 'flannel.alpha.coreos.com'
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid-${name}`,
      labels: { 'topology.kubernetes.io/zone': `zone-${number}` },
      annotations: {
        [`${prefix}/backend-type`]: 'vxlan',
        [`${prefix}/kube-subnet-manager`]: 'true',
        [`${prefix}/public-ip`]: `192.168.0.${number}`,
        [`${prefix}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: `02:00:00:00:00:0${number}` }),
      },
    },
    spec: { podCIDR: `10.244.${number}.0/24`, podCIDRs: [`10.244.${number}.0/24`] },
    status: { addresses: [{ type: 'InternalIP', address: `192.168.0.${number}` }] },
  }
}

/** A running pod; the address is `10.244.<node>.<index + 2>`. */
export function testPod(words: PodWords, index: number): Pod {
  const {
    name,
    namespace = 'default',
    node = 1,
    labels = {},
    ready = true,
    phase = 'Running',
    hostNetwork = false,
  } = words
  const podIP = hostNetwork ? `192.168.0.${node}` : `10.244.${node}.${index + 2}`
  const container = { name: 'app', image: 'fairlead/echo', ...words.container }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: `uid-${name}`, labels },
    spec: { nodeName: `node-${node}`, containers: [container], ...(hostNetwork ? { hostNetwork } : {}) },
    status: {
      phase,
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        { name: container.name, ready, started: true, restartCount: 0, image: '', imageID: '', state: { running: {} } },
      ],
    },
  }
}

export interface ServiceWords extends Partial<ServiceSpec> {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly ingress?: readonly string[]
}

/** A ClusterIP Service for pods with `app: NAME`: port 80 to 8080. */
export function testService(
  { name, namespace = 'default', labels = {}, ingress, ...spec }: ServiceWords,
  index: number,
): Service {
  const clusterIP = spec.clusterIP ?? `10.96.0.${index + 20}`
  const external = spec.type === 'ExternalName'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, uid: `uid-svc-${name}`, labels, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      ...(external ? {} : { selector: { app: name }, clusterIP, clusterIPs: [clusterIP], ipFamilies: ['IPv4'] }),
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      ...spec,
    },
    status: { loadBalancer: ingress === undefined ? {} : { ingress: ingress.map((ip) => ({ ip })) } },
  }
}

export interface WorldWords {
  readonly services?: readonly ServiceWords[]
  readonly pods?: readonly PodWords[]
  readonly namespaces?: readonly string[]
  /** Listeners of pods by `namespace/name`; left out: nobody looked. */
  readonly listeners?: Readonly<Record<string, readonly Listener[]>>
  readonly around?: Partial<typeof NOWHERE>
}

/** With a pod `client` on node-1 and a DNS that answers. */
export function testWorld({ services = [], pods = [], namespaces = [], listeners, around = {} }: WorldWords): Atlas {
  const nodes = ([1, 2, 3] as const).map(testNode)
  const dnsPorts = [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 }] as const
  const allServices: readonly ServiceWords[] = [
    { name: 'kube-dns', namespace: 'kube-system', clusterIP: '10.96.0.10', ports: dnsPorts },
    ...services,
  ]
  const allPods: readonly PodWords[] = [
    { name: 'client', labels: { app: 'client' } },
    { name: 'dns', namespace: 'kube-system', labels: { app: 'kube-dns' }, node: 3 },
    ...pods,
  ]
  const made = { services: allServices.map(testService), pods: allPods.map(testPod), nodes }
  const objects: ClusterObjects = {
    ...made,
    slices: made.services.flatMap((service) => deriveSlices(service, made)),
    namespaces: ['default', 'kube-system', ...namespaces].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })),
    serviceCidrs: [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: 'kubernetes' },
        spec: { cidrs: ['10.96.0.0/16'] },
      },
    ],
  }
  const world: World = {
    objects,
    around: { ...NOWHERE, ...around },
    ...(listeners === undefined
      ? {}
      : { kernel: { listeners: new Map(Object.entries(listeners)), routes: new Map() } }),
  }
  return atlasOf(world)
}

export function asked(atlas: Atlas, from: string, to: string): Prediction {
  const words = { from, to }
  return predict(parseOrigin(words, atlas), parseTarget(words, atlas), atlas)
}
