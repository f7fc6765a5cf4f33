import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { CONTROL_PLANE_ADDRESS } from '../cloud/fabric/fabric-names.ts'
import { NLB_ZONE } from '../cloud/nlb/nlb-zone.ts'
import type { Client } from '../kube/client.ts'
import { parseManifest } from '../kube/manifest.ts'
import { KINDS } from '../kube/registry.ts'
import { deployments } from '../kube/resource.ts'
import type { ClusterSpec } from './cluster-spec.ts'

const NAMESPACE = 'kube-system'
const WAIT_MS = 30_000
const DEPLOYMENT = 'cluster-dns'

export interface ClusterDnsOptions {
  readonly client: Client
  readonly spec: ClusterSpec
}

/**
 * Applies the cluster's DNS: names, labels and the Corefile are those that kubeadm gives CoreDNS, so that what knows
 * CoreDNS finds its way. What is there already is brought up to date, but for a Corefile that somebody has changed.
 */
export async function applyClusterDns({ client, spec }: ClusterDnsOptions): Promise<void> {
  const manifests = await parseManifest(manifest(spec), { source: 'cluster DNS', kinds: KINDS })
  for (const { resource, object } of manifests) {
    const key = { name: object.metadata.name, namespace: NAMESPACE }
    const force = object.kind !== 'ConfigMap'
    try {
      await client.patch(resource, key, { type: 'apply', body: object, fieldManager: 'fairlead', force })
    } catch (error) {
      // A conflict: the Corefile is somebody's own.
      if (force || !(error instanceof Error) || !/conflict/i.test(error.message)) throw error
    }
  }
}

/** Resolves when the cluster's DNS answers; `TIMEOUT` when it does not come to. */
export async function clusterDnsReady({ client }: ClusterDnsOptions, clock: Clock = systemClock): Promise<void> {
  const limit = new AbortController()
  const cancel = clock.after(WAIT_MS, () => limit.abort())
  try {
    while (!limit.signal.aborted) if (await sawReady(client, limit.signal)) return
  } finally {
    cancel()
    limit.abort()
  }
  throw new FairleadError('TIMEOUT', `The cluster's DNS is not ready after ${WAIT_MS / 1000} s`, {
    hint: 'See kubectl -n kube-system describe pods -l k8s-app=kube-dns',
  })
}

/** Follows the Deployment until it has a ready pod; false when the watch ended before. */
async function sawReady(client: Client, signal: AbortSignal): Promise<boolean> {
  try {
    // Without a version a watch begins with the object as it is.
    const options = { namespace: NAMESPACE, fieldSelector: `metadata.name=${DEPLOYMENT}`, signal }
    for await (const event of client.watch(deployments, options)) {
      const isThere = event.type === 'ADDED' || event.type === 'MODIFIED'
      if (isThere && (event.object.status?.readyReplicas ?? 0) > 0) return true
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return false
}

/**
 * The Corefile of a new cluster. The VPC's resolver knows the names of Network Load Balancers; others fail at once unless
 * there is somebody to ask.
 */
function corefile({ clusterDomain, dnsUpstreams }: ClusterSpec): string {
  const forward =
    dnsUpstreams === undefined || dnsUpstreams.length === 0
      ? []
      : [`    forward . ${dnsUpstreams.join(' ')} {`, '       max_concurrent 1000', '    }', '    cache 30']
  return [
    '.:53 {',
    '    errors',
    '    health {',
    '       lameduck 5s',
    '    }',
    '    ready',
    `    kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {`,
    '       pods insecure',
    '       fallthrough in-addr.arpa ip6.arpa',
    '       ttl 30',
    '    }',
    '    prometheus :9153',
    ...forward,
    '    loop',
    '    reload',
    '    loadbalance',
    '}',
    `${NLB_ZONE}:53 {`,
    '    errors',
    `    forward . ${CONTROL_PLANE_ADDRESS}`,
    '    cache 30',
    '}',
  ].join('\n')
}

function manifest(spec: ClusterSpec): string {
  const indented = corefile(spec).replaceAll('\n', '\n    ')
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: coredns, namespace: ${NAMESPACE} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: coredns, namespace: ${NAMESPACE} }
data:
  Corefile: |
    ${indented}
---
apiVersion: v1
kind: Service
metadata:
  name: kube-dns
  namespace: ${NAMESPACE}
  annotations: { prometheus.io/port: "9153", prometheus.io/scrape: "true" }
  labels: { k8s-app: kube-dns, kubernetes.io/cluster-service: "true", kubernetes.io/name: CoreDNS }
spec:
  clusterIP: ${spec.dnsAddress}
  selector: { k8s-app: kube-dns }
  ports:
  - { name: dns, port: 53, protocol: UDP, targetPort: 53 }
  - { name: dns-tcp, port: 53, protocol: TCP, targetPort: 53 }
  - { name: metrics, port: 9153, protocol: TCP, targetPort: 9153 }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cluster-dns
  namespace: ${NAMESPACE}
  labels: { k8s-app: kube-dns }
spec:
  replicas: 2
  strategy:
    rollingUpdate: { maxUnavailable: 1, maxSurge: 1 }
  selector:
    matchLabels: { k8s-app: kube-dns }
  template:
    metadata:
      labels: { k8s-app: kube-dns }
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      tolerations:
      - { key: CriticalAddonsOnly, operator: Exists }
      - { key: node-role.kubernetes.io/control-plane, effect: NoSchedule }
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            podAffinityTerm:
              labelSelector: { matchLabels: { k8s-app: kube-dns } }
              topologyKey: kubernetes.io/hostname
      containers:
      - name: dns
        image: fairlead/dns
        args: [ "-conf", "/etc/coredns/Corefile" ]
        resources:
          requests: { cpu: 100m, memory: 70Mi }
        ports:
        - { name: dns, containerPort: 53, protocol: UDP }
        - { name: dns-tcp, containerPort: 53, protocol: TCP }
        - { name: metrics, containerPort: 9153, protocol: TCP }
        livenessProbe:
          httpGet: { path: /health, port: 8080 }
          initialDelaySeconds: 60
          failureThreshold: 5
        readinessProbe:
          httpGet: { path: /ready, port: 8181 }
        volumeMounts:
        - { name: config-volume, mountPath: /etc/coredns, readOnly: true }
      volumes:
      - name: config-volume
        configMap:
          name: coredns
          items:
          - { key: Corefile, path: Corefile }
`
}
