import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { errorMessage, FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { type ManifestObject, parseManifest } from '../kube/manifest.ts'
import { KINDS } from '../kube/registry.ts'
import type { Pod } from '../kube/types/core.ts'
import { netnsPath } from '../linux/netns.ts'
import { podNetns } from '../node/pod-netns.ts'
import { type Cluster, distDirectory } from './cluster.ts'
import { DemoWatch } from './demo-watch.ts'
import { ask, type EchoAnswer, type Target, type Vantage } from './vantage.ts'

/** The manifests of the demo, in `examples/`: what the first answer needs, and what is shown after it. */
const FIRST_FILES = ['client.yaml', 'clusterip.yaml'] as const
const FURTHER_FILES = ['nodeport.yaml', 'headless.yaml', 'loadbalancer.yaml'] as const

const NAMESPACE = 'default'
const REQUESTS = 10
const RETRY_MS = 5
const WAIT_MS = 60_000

/** One experiment: who asked what, and who answered. */
export interface DemoRow {
  readonly from: string
  /** `ClusterIP web`, `NodePort web-nodeport`, ... */
  readonly to: string
  readonly address: string
  readonly asked: number
  /** How often each pod answered. */
  readonly answers: ReadonlyMap<string, number>
  /** Addresses that the pods saw requests come from. */
  readonly sources: readonly string[]
  /** Why the row is not as it should be; undefined when it is. */
  readonly problem: string | undefined
}

interface Experiment {
  readonly from: Vantage
  readonly to: string
  readonly target: Target
  readonly pods: readonly string[]
  /** Turns are taken in more than one place, each with its own count: then every pod answers, and not as often. @default true */
  readonly even?: boolean
}

/** What is applied at first, and what after the first answer. */
export type DemoManifests = readonly [first: readonly ManifestObject[], rest: readonly ManifestObject[]]

export interface DemoOptions {
  readonly cluster: Cluster
  readonly manifests: Promise<DemoManifests>
  /** Called at the first answer through a ClusterIP. */
  readonly onFirstAnswer: (answer: EchoAnswer) => void
  readonly clock?: Clock
}

/** Reads the demo's manifests; they can be read while the cluster starts. */
export async function readDemo(): Promise<DemoManifests> {
  const directory = join(dirname(distDirectory()), 'examples')
  const read = (file: string) => {
    const path = join(directory, file)
    return parseManifest(readFileSync(path, 'utf8'), { source: `examples/${file}`, kinds: KINDS })
  }
  const first = await Promise.all(FIRST_FILES.map(read))
  const rest = await Promise.all(FURTHER_FILES.map(read))
  return [first.flat(), rest.flat()]
}

/**
 * Applies the demo, waits until it runs, and sends real requests through every Service of it.
 *
 * @returns A row for each experiment; one that is not as it should be says why.
 * @throws FairleadError `TIMEOUT` when the demo does not come to run.
 */
export async function runDemo(options: DemoOptions): Promise<DemoRow[]> {
  const { cluster, clock = systemClock } = options
  const signal = AbortSignal.timeout(WAIT_MS)
  await using watch = new DemoWatch({ client: cluster.client, namespace: NAMESPACE, log: silentLog })
  try {
    const [first, rest] = await options.manifests
    // On half a cluster all pods would be put on the first nodes.
    await cluster.nodesReady
    await applyManifests(cluster.client, first)
    const client = await watch.until(() => runningPod(watch, 'client'), signal)
    await firstAnswer({ watch, from: podVantage(cluster, client), signal, clock, onFirstAnswer: options.onFirstAnswer })
    await applyManifests(cluster.client, rest)
    await watch.until(() => (isComplete(watch) ? true : undefined), signal)
    const rows: DemoRow[] = []
    for (const experiment of experiments(cluster, watch)) rows.push(await perform(experiment, { signal, clock }))
    return rows
  } catch (error) {
    if (!signal.aborted) throw error
    throw new FairleadError('TIMEOUT', `The demo does not run after ${WAIT_MS / 1000} s: ${stateOf(watch)}`, {
      cause: error,
    })
  }
}

/** One after the other: each in a connection that is there costs less than a connection for each. */
async function applyManifests(client: Client, manifests: readonly ManifestObject[]): Promise<void> {
  for (const { resource, object } of manifests) {
    const key = { name: object.metadata.name, ...(resource.namespaced ? { namespace: NAMESPACE } : {}) }
    await client.patch(resource, key, { type: 'apply', body: object, fieldManager: 'fairlead', force: true })
  }
}

interface FirstAnswer {
  readonly watch: DemoWatch
  readonly from: Vantage
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly onFirstAnswer: (answer: EchoAnswer) => void
}

/** The kernel learns of an endpoint milliseconds after the slice does: until then a request fails and is repeated. */
async function firstAnswer({ watch, from, signal, clock, onFirstAnswer }: FirstAnswer): Promise<void> {
  const target = await watch.until(() => {
    return watch.endpoints('web').length > 0 ? clusterIpTarget(watch, 'web', 80) : undefined
  }, signal)
  onFirstAnswer(await untilAnswered(() => ask(from, target, 250), { signal, clock }))
}

async function untilAnswered<R>(
  attempt: () => Promise<R>,
  { signal, clock }: { signal: AbortSignal; clock: Clock },
): Promise<R> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw error
    }
    await clock.sleep(RETRY_MS, signal)
  }
}

function experiments(cluster: Cluster, watch: DemoWatch): Experiment[] {
  const client = runningPod(watch, 'client')
  const vantages = [
    ...(client === undefined ? [] : [podVantage(cluster, client)]),
    ...cluster.spec.nodes.map(({ name }) => ({ name, netns: cluster.nodeNetns(name) })),
  ]
  const internet: Vantage = { name: 'internet', netns: cluster.internet }
  const [web, db] = [podsOf(watch, 'web'), podsOf(watch, 'db')]
  const clusterIp = vantages.flatMap((from) =>
    (['TCP', 'UDP'] as const).map((protocol) => {
      const target = clusterIpTarget(watch, 'web', protocol === 'TCP' ? 80 : 9000, protocol)
      return target === undefined ? [] : [{ from, to: `ClusterIP web/${protocol}`, target, pods: web }]
    }),
  )
  const nodePort = [
    ...cluster.spec.nodes.map(({ publicAddress }) => ({ from: internet, host: publicAddress })),
    ...vantages.slice(0, 1).flatMap((from) => cluster.spec.nodes.map(({ address }) => ({ from, host: address }))),
  ].map(({ from, host }) => {
    const target: Target = { host, port: nodePortOf(watch, 'web-nodeport'), protocol: 'TCP' }
    return { from, to: 'NodePort web-nodeport', target, pods: web }
  })
  const headless = watch.endpoints('db').flatMap((endpoint) => {
    const [host] = endpoint.addresses
    const [from] = vantages
    const pod = endpoint.targetRef?.name
    if (host === undefined || from === undefined || pod === undefined || !db.includes(pod)) return []
    return [{ from, to: `headless db (${pod})`, target: { host, port: 8080, protocol: 'TCP' as const }, pods: [pod] }]
  })
  const loadBalancer = [internet, ...vantages.slice(0, 1)].flatMap((from) => {
    const host = loadBalancerAddress(watch, 'web-lb')
    const target = { host: host ?? '', port: 80, protocol: 'TCP' as const }
    return host === undefined ? [] : [{ from, to: 'LoadBalancer web-lb', target, pods: web, even: from !== internet }]
  })
  return [...clusterIp.flat(), ...nodePort, ...headless, ...loadBalancer]
}

/** Asks until every pod has answered, so that the kernel knows them all, and then counts {@link REQUESTS} requests. */
async function perform(
  { from, to, target, pods, even = true }: Experiment,
  around: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<DemoRow> {
  const row = { from: from.name, to, address: `${target.host}:${target.port}`, asked: REQUESTS }
  const answers = new Map<string, number>()
  const sources = new Set<string>()
  try {
    await everyPodAnswers({ from, target, pods, around })
    for (let i = 0; i < REQUESTS; i++) {
      const { pod, client } = await ask(from, target)
      answers.set(pod, (answers.get(pod) ?? 0) + 1)
      sources.add(withoutPort(client))
    }
    return { ...row, answers, sources: [...sources], problem: even ? imbalance(answers, pods) : undefined }
  } catch (error) {
    return { ...row, answers, sources: [...sources], problem: errorMessage(error) }
  }
}

interface Warmup {
  readonly from: Vantage
  readonly target: Target
  readonly pods: readonly string[]
  readonly around: { readonly signal: AbortSignal; readonly clock: Clock }
}

const WARMUP_REQUESTS = 1_000

async function everyPodAnswers({ from, target, pods, around }: Warmup): Promise<void> {
  const missing = new Set(pods)
  for (let i = 0; missing.size > 0; i++) {
    if (i >= WARMUP_REQUESTS) {
      throw new FairleadError('CHECK_FAILED', `No answer from ${[...missing].join(', ')} in ${i} requests`)
    }
    const { pod } = await untilAnswered(() => ask(from, target, 1_000), around)
    missing.delete(pod)
  }
}

/** Round robin: every pod answers as often as every other. */
function imbalance(answers: ReadonlyMap<string, number>, pods: readonly string[]): string | undefined {
  const wanted = REQUESTS / pods.length
  const uneven = pods.some((pod) => Math.abs((answers.get(pod) ?? 0) - wanted) >= 1)
  return uneven || answers.size !== pods.length
    ? `expected ${wanted} answers from each of ${pods.join(', ')}`
    : undefined
}

function runningPod(watch: DemoWatch, name: string): Pod | undefined {
  const pod = watch.pod(name)
  return pod?.status?.phase === 'Running' ? pod : undefined
}

function podVantage(cluster: Cluster, pod: Pod): Vantage {
  const netns = netnsPath(podNetns(cluster.spec.name, pod.metadata.uid ?? ''))
  return { name: `pod ${pod.metadata.name} on ${pod.spec.nodeName}`, netns }
}

function podsOf(watch: DemoWatch, app: string): string[] {
  const ours = watch
    .pods()
    .filter((pod) => pod.metadata.labels?.app === app && pod.metadata.deletionTimestamp === undefined)
  return ours.map((pod) => pod.metadata.name).sort()
}

function clusterIpTarget(
  watch: DemoWatch,
  service: string,
  port: number,
  protocol: Target['protocol'] = 'TCP',
): Target | undefined {
  const host = watch.service(service)?.spec.clusterIP
  return host === undefined ? undefined : { host, port, protocol }
}

function nodePortOf(watch: DemoWatch, service: string): number {
  return watch.service(service)?.spec.ports?.[0]?.nodePort ?? 0
}

/** The address that the cloud controller found for a Service. */
function loadBalancerAddress(watch: DemoWatch, service: string): string | undefined {
  return watch.service(service)?.status?.loadBalancer?.ingress?.[0]?.ip
}

/** Two pods for `web`, and all of `db`; and a load balancer. */
function isComplete(watch: DemoWatch): boolean {
  if (loadBalancerAddress(watch, 'web-lb') === undefined) return false
  return ['web', 'web-nodeport', 'db'].every((service) => watch.endpoints(service).length === 2)
}

function stateOf(watch: DemoWatch): string {
  const states = watch
    .pods()
    .map((pod) => `${pod.metadata.name} is ${waitingReason(pod) ?? pod.status?.phase ?? 'unknown'}`)
  return states.length === 0 ? 'there are no pods' : states.join(', ')
}

function waitingReason(pod: Pod): string | undefined {
  return pod.status?.containerStatuses?.find((status) => status.state?.waiting !== undefined)?.state?.waiting?.reason
}

function withoutPort(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
