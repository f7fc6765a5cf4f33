import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FairleadError } from '../../src/base/error.ts'
import { silentLog } from '../../src/base/log.ts'
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts'
import { type ClusterOptions, type ClusterSpec, createClusterSpec } from '../../src/cluster/cluster-spec.ts'
import { DemoWatch } from '../../src/cluster/demo-watch.ts'
import type { LayoutRoots } from '../../src/cluster/layout.ts'
import type { Vantage } from '../../src/cluster/vantage.ts'
import { isNotFound } from '../../src/kube/api-error.ts'
import { parseManifest } from '../../src/kube/manifest.ts'
import { KINDS } from '../../src/kube/registry.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { netnsPath } from '../../src/linux/netns.ts'
import { podNetns } from '../../src/node/pod-netns.ts'
import { builtPrograms } from '../cluster/built-programs.ts'

const EXAMPLES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'examples')
/** Long enough for a busy machine; nothing waits for it to pass. */
const PATIENCE_MS = 60_000
const NAMESPACE = 'default'

const runFile = promisify(execFile)

export interface TrafficOptions {
  /** @default 3 */
  readonly nodes?: number
  /** What else the cluster is started with. */
  readonly options?: Pick<ClusterOptions, 'network' | 'instanceType' | 'minPoolSize' | 'maxPoolSize'>
  /** Changes what it is made of. */
  readonly adjust?: (spec: ClusterSpec) => ClusterSpec
  /** Runs before the cluster starts, with its state directory: for images. */
  readonly prepare?: (roots: Required<LayoutRoots>) => Promise<void>
}

/** A cluster of the test's own whose nodes are ready, with the few words that tests of traffic need. */
export class TrafficCluster implements AsyncDisposable {
  readonly cluster: Cluster
  readonly watch: DemoWatch
  readonly directory: string

  constructor(cluster: Cluster, watch: DemoWatch, directory: string) {
    this.cluster = cluster
    this.watch = watch
    this.directory = directory
  }

  get client() {
    return this.cluster.client
  }

  /** Applies manifests in the default namespace, as `kubectl apply --server-side` does. */
  async apply(text: string): Promise<void> {
    for (const { resource, object } of await parseManifest(text, { source: 'test', kinds: KINDS })) {
      const key = { name: object.metadata.name, ...(resource.namespaced ? { namespace: NAMESPACE } : {}) }
      await this.client.patch(resource, key, { type: 'apply', body: object, fieldManager: 'test', force: true })
    }
  }

  /** Applies a file of `examples/`. */
  applyExample(file: string): Promise<void> {
    return this.apply(readFileSync(join(EXAMPLES, file), 'utf8'))
  }

  /** Deletes what a manifest names. */
  async delete(text: string): Promise<void> {
    for (const { resource, object } of await parseManifest(text, { source: 'test', kinds: KINDS })) {
      const key = { name: object.metadata.name, ...(resource.namespaced ? { namespace: NAMESPACE } : {}) }
      await this.client.delete(resource, key).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
    }
  }

  /** Waits for what `look` finds; the failure says what was waited for. */
  async until<R>(what: string, look: () => R | undefined): Promise<R> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    try {
      return await this.watch.until(look, signal)
    } catch (cause) {
      throw new FairleadError('TIMEOUT', `Waited for ${what} in vain: ${this.#pods()}`, { cause })
    }
  }

  /** Waits for a pod whose containers are all ready. */
  readyPod(name: string): Promise<Pod> {
    return this.until(`pod ${name} to be ready`, () => {
      const pod = this.watch.pod(name)
      return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
        ? pod
        : undefined
    })
  }

  /** Waits until a Service has exactly so many ready endpoints; the names of their pods, sorted. */
  readyEndpoints(service: string, count: number): Promise<string[]> {
    return this.until(`${count} endpoints of ${service}`, () => {
      const endpoints = this.watch.endpoints(service)
      return endpoints.length === count ? endpoints.map((one) => one.targetRef?.name ?? '').sort() : undefined
    })
  }

  /** Waits until a Service exists; its first address. */
  clusterIp(service: string): Promise<string> {
    return this.until(`an address of ${service}`, () => this.watch.service(service)?.spec.clusterIP)
  }

  pod(pod: Pod): Vantage {
    const netns = netnsPath(podNetns(this.cluster.spec.name, pod.metadata.uid ?? ''))
    return { name: `pod ${pod.metadata.name} on ${pod.spec.nodeName}`, netns }
  }

  node(name: string): Vantage {
    return { name, netns: this.cluster.nodeNetns(name) }
  }

  get internet(): Vantage {
    return { name: 'internet', netns: this.cluster.internet }
  }

  /** Runs a program of the machine inside a vantage; what it prints. */
  async run(at: Vantage, program: string, args: readonly string[]): Promise<string> {
    const { stdout } = await runFile('ip', ['netns', 'exec', basename(at.netns), program, ...args], {
      timeout: PATIENCE_MS,
    })
    return stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]()
    await this.cluster[Symbol.asyncDispose]()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #pods(): string {
    return this.watch
      .pods()
      .map(({ metadata, spec, status }) => `${metadata.name} on ${spec.nodeName} is ${status?.phase}`)
      .join(', ')
  }
}

/** Starts a cluster on the built programs, under a name and in directories of this process alone. */
export async function startTrafficCluster(traffic: TrafficOptions = {}): Promise<TrafficCluster> {
  const { nodes = 3, options, adjust = (spec) => spec, prepare } = traffic
  builtPrograms()
  const directory = mkdtempSync(join(tmpdir(), 'fl-traffic-'))
  const roots = { state: join(directory, 'state'), run: join(directory, 'run') }
  try {
    await prepare?.(roots)
    const spec = adjust(createClusterSpec({ ...options, name: `t${process.pid}y`, nodes, apiPort: 0 }))
    const cluster = await startCluster({ spec, roots })
    const watch = new DemoWatch({ client: cluster.client, namespace: NAMESPACE, log: silentLog })
    const started = new TrafficCluster(cluster, watch, directory)
    try {
      await cluster.nodesReady
      return started
    } catch (error) {
      await started[Symbol.asyncDispose]()
      throw error
    }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

export interface EchoOptions {
  readonly replicas: number
  /** More lines of the container. */
  readonly container?: string
}

/** An echo Deployment with a Service of the same name: HTTP on 80, UDP on 9000. */
export function echoService(name: string, { replicas, container = '' }: EchoOptions): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: echo
          image: fairlead/echo
          ports:
            - { name: http, containerPort: 8080 }
            - { name: udp, containerPort: 9000, protocol: UDP }
${indent(container, 10)}
---
${serviceOf(name, '')}
`
}

/** A Service of an echo Deployment, with more lines of its spec. */
export function serviceOf(app: string, spec: string, name = app): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: ${app} }
  ports:
    - { name: http, port: 80, targetPort: http }
    - { name: udp, port: 9000, targetPort: udp, protocol: UDP }
${indent(spec, 2)}
`
}

/** A pod to ask from, on a node that is named. */
export function clientPod(name: string, node: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 1
  containers: [{ name: client, image: fairlead/client }]
`
}

function indent(text: string, by: number): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : `${' '.repeat(by)}${line}`))
    .join('\n')
}
