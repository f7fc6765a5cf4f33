import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { FairleadError, unreachable } from '../../base/error.ts'
import type { ApiServerOptions } from '../../cluster/api-server-settings.ts'
import { type Cluster, type ClusterStep, distDirectory, startCluster } from '../../cluster/cluster.ts'
import { applyClusterDns, clusterDnsReady } from '../../cluster/cluster-dns.ts'
import { addClusterImage, type ClusterImage, parseClusterImage } from '../../cluster/cluster-images.ts'
import { type ClusterSpec, createClusterSpec } from '../../cluster/cluster-spec.ts'
import { type DemoRow, readDemo, runDemo } from '../../cluster/demo.ts'
import { clusterLayout } from '../../cluster/layout.ts'
import { failureMessage, type MemberMessage, memberError, tellParent } from '../../cluster/member-protocol.ts'
import { requireRoot } from '../../cluster/preflight.ts'
import { trimMemoryAfterStart } from '../../linux/trim-memory.ts'
import { apiServerArguments } from '../api-server-flags.ts'
import { catchInterrupt, INTERRUPTED } from '../catch-interrupt.ts'
import { done, formatTable, paint, print, say } from '../output.ts'

export interface UpOptions {
  readonly name: string
  readonly nodes: number
  readonly apiPort: number
  readonly proxyMode: string
  readonly network: string
  readonly instanceType?: string
  readonly minPoolSize?: number
  readonly maxPoolSize?: number
  readonly maxEni?: number
  readonly maxPods: number
  readonly nodeMonitorGracePeriod?: string
  /** `NAME=PATH` */
  readonly image: readonly string[]
  readonly check: boolean
  readonly detach: boolean
  readonly demo: boolean
  readonly dns: boolean
  readonly dnsUpstream: readonly string[]
  readonly apiServer: ApiServerOptions
}

/** Starts a cluster, shows it with the demo, and keeps it until Ctrl-C (`--check`: until the demo has run). */
export async function up(options: UpOptions): Promise<number> {
  const spec = createClusterSpec(options)
  const images = options.image.map(parseClusterImage)
  requireRoot()
  if (options.detach) return detach(options, spec)
  try {
    return await runInForeground(options, spec, images)
  } catch (error) {
    await tellParent(failureMessage(error))
    throw error
  }
}

async function runInForeground(
  options: UpOptions,
  spec: ClusterSpec,
  images: readonly ClusterImage[],
): Promise<number> {
  const interrupt = catchInterrupt()
  const manifests = options.demo ? readDemo() : Promise.resolve([[], []] as const)
  manifests.catch(() => {})
  await using cluster = await startCluster({ spec, onProgress: showStep, endsProcess: true })
  trimMemoryAfterStart(systemClock)
  const end = Promise.race([interrupt.asked, cluster.stopAsked.then(() => 'stop' as const)])
  for (const image of images) await addClusterImage(cluster.layout, image)
  if (!options.demo) {
    const early = await Promise.race([cluster.nodesReady, end])
    if (early !== undefined) return endedEarly(spec, early)
    if (options.dns) await Promise.race([startDns(cluster), end])
  } else {
    const rows = await Promise.race([demonstrate(cluster, manifests, options.dns), end])
    if (typeof rows === 'string') return endedEarly(spec, rows)
    const failures = rows.filter((row) => row.problem !== undefined)
    if (options.check) return verdict(rows.length, failures.length)
  }
  showNextSteps(cluster)
  await tellParent({ type: 'ready', result: {} })
  if ((await end) === 'interrupt') return INTERRUPTED
  say('Taking everything down')
  return 0
}

/** @throws FairleadError `NOT_RUNNING` when it was `fairlead down` that ended it. */
function endedEarly({ name }: ClusterSpec, reason: 'interrupt' | 'stop'): number {
  if (reason === 'interrupt') return INTERRUPTED
  throw new FairleadError('NOT_RUNNING', `The cluster ${name} was taken down before it was ready`)
}

async function demonstrate(
  cluster: Cluster,
  manifests: ReturnType<typeof readDemo>,
  withDns: boolean,
): Promise<DemoRow[]> {
  let dns: Promise<void> | undefined
  const rows = await runDemo({
    cluster,
    manifests,
    onFirstAnswer({ pod }) {
      done(`first answer through a ClusterIP, from ${pod}, ${sinceStart()} after the command`)
      // It starts while the demo runs, whose addresses need no names.
      if (withDns) dns = startDns(cluster)
      dns?.catch(() => {})
    },
  })
  await dns
  print('')
  print(demoTable(rows))
  print('')
  return rows
}

/** The pods of the cluster's DNS; returns when they answer. */
async function startDns(cluster: Cluster): Promise<void> {
  await applyClusterDns(cluster)
  await clusterDnsReady(cluster)
  done(`cluster DNS answers on ${cluster.spec.dnsAddress}`)
}

/** The table of what was asked and who answered. */
export function demoTable(rows: readonly DemoRow[]): string {
  const header = ['FROM', 'TO', 'ADDRESS', 'ASKED', 'ANSWERED BY', 'SOURCE SEEN', 'VERDICT']
  const cells = rows.map((row) => [
    row.from,
    row.to,
    row.address,
    String(row.asked),
    [...row.answers]
      .map(([pod, count]) => `${pod} ×${count}`)
      .sort()
      .join(', '),
    row.sources.join(', '),
    row.problem ?? 'ok',
  ])
  return formatTable(header, cells)
}

function verdict(rows: number, failures: number): number {
  if (failures === 0) {
    done(`${rows} of ${rows} checks passed`)
    return 0
  }
  say(` ${paint('red', '✗')} ${failures} of ${rows} checks failed`)
  return 1
}

function showStep(step: ClusterStep): void {
  done(stepText(step))
}

function stepText(step: ClusterStep): string {
  switch (step.step) {
    case 'cleaned':
      return 'removed what a crashed cluster of this name had left'
    case 'network':
      return 'VPC, node namespaces and the internet made'
    case 'api':
      return `API server answers on ${step.server}`
    case 'node':
      return `${step.name} is ready, pods ${step.podCidrs.join(', ')}`
    default:
      return unreachable(step)
  }
}

function showNextSteps({ layout, spec }: Cluster): void {
  const name = spec.name === 'dev' ? '' : ` --name ${spec.name}`
  say('Next steps:')
  say(`  export KUBECONFIG=${layout.kubeconfig}`)
  say('  kubectl get pods,services,endpointslices -o wide')
  say(`  npm run -s fairlead status --${name}`.replace(/ --$/, ''))
  say('Ctrl-C takes everything down.')
}

/** Milliseconds since this process began, the runtime's own start included. */
function sinceStart(): string {
  return `${Math.round(performance.now())} ms`
}

/** Runs the same command in a session of its own, and returns when the cluster stands. */
async function detach(options: UpOptions, spec: ClusterSpec): Promise<number> {
  const layout = clusterLayout(spec.name)
  mkdirSync(dirname(layout.detachedLog), { recursive: true, mode: 0o700 })
  const log = openSync(layout.detachedLog, 'a', 0o600)
  const child = spawn(process.execPath, [join(distDirectory(), 'fairlead.js'), ...foregroundArguments(options)], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  })
  closeSync(log)
  // Until it stands it belongs to this command, Ctrl-C included.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const outcome = await outcomeOf(child)
  if (outcome === INTERRUPTED) return INTERRUPTED
  if (typeof outcome !== 'object') {
    const hint = `See ${layout.detachedLog}`
    throw new FairleadError('PROCESS_FAILED', `The cluster ${spec.name} ended with ${outcome}`, { hint })
  }
  if (outcome.type === 'failed') {
    // It removes what it has made; then there is nothing left to wait for.
    await once(child, 'exit')
    throw memberError(`the cluster ${spec.name}`, outcome)
  }
  child.disconnect()
  child.unref()
  done(`cluster ${spec.name} runs in the background; end it with: fairlead down --name ${spec.name}`)
  print(`export KUBECONFIG=${layout.kubeconfig}`)
  return 0
}

/** What the command in the background says, or how it ended without a word. */
function outcomeOf(child: ChildProcess): Promise<MemberMessage<object> | number | string> {
  return new Promise((resolve) => {
    child.once('message', (message: MemberMessage<object>) => resolve(message))
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
}

function foregroundArguments(options: UpOptions): string[] {
  const { name, nodes, apiPort, proxyMode, network, instanceType, maxPods, nodeMonitorGracePeriod } = options
  const sizes = ['--nodes', String(nodes), '--api-port', String(apiPort), '--proxy-mode', proxyMode]
  const machines = instanceType === undefined ? [] : ['--instance-type', instanceType]
  return [
    ...['up', '--name', name, ...sizes, '--network', network, ...machines, '--max-pods', String(maxPods)],
    ...poolArguments(options),
    ...(nodeMonitorGracePeriod === undefined ? [] : ['--node-monitor-grace-period', nodeMonitorGracePeriod]),
    ...options.image.flatMap((text) => ['--image', text]),
    ...options.dnsUpstream.flatMap((text) => ['--dns-upstream', text]),
    ...apiServerArguments(options.apiServer),
    ...(options.demo ? [] : ['--no-demo']),
    ...(options.dns ? [] : ['--no-dns']),
  ]
}

function poolArguments({ minPoolSize, maxPoolSize, maxEni }: UpOptions): string[] {
  const flags = { '--min-pool-size': minPoolSize, '--max-pool-size': maxPoolSize, '--max-eni': maxEni }
  return Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]))
}
