import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FairleadError, unreachable } from '../../base/error.ts'
import { type Cluster, type ClusterStep, distDirectory, startCluster } from '../../cluster/cluster.ts'
import { addClusterImage } from '../../cluster/cluster-images.ts'
import { type ClusterSpec, createClusterSpec } from '../../cluster/cluster-spec.ts'
import { type DemoRow, readDemo, runDemo } from '../../cluster/demo.ts'
import { clusterLayout } from '../../cluster/layout.ts'
import { type MemberMessage, memberError } from '../../cluster/member-protocol.ts'
import { done, formatTable, paint, print, say } from '../output.ts'

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130

export interface UpOptions {
  readonly name: string
  readonly nodes: number
  readonly apiPort: number
  /** `NAME=PATH` */
  readonly image: readonly string[]
  readonly check: boolean
  readonly detach: boolean
  readonly demo: boolean
}

/** Starts a cluster, shows it with the demo, and keeps it until Ctrl-C (`--check`: until the demo has run). */
export async function up(options: UpOptions): Promise<number> {
  const spec = createClusterSpec(options)
  if (options.detach) return detach(options, spec)
  const interrupt = catchInterrupt()
  const manifests = options.demo ? readDemo() : Promise.resolve([[], []] as const)
  manifests.catch(() => {})
  await using cluster = await startCluster({ spec, onProgress: showStep })
  for (const image of options.image) await addClusterImage(cluster.layout, image)
  if (!options.demo) {
    await Promise.race([cluster.nodesReady, interrupt.asked])
  } else {
    const rows = await Promise.race([demonstrate(cluster, manifests), interrupt.asked])
    if (rows === undefined) return interrupted()
    const failures = rows.filter((row) => row.problem !== undefined)
    if (options.check) return verdict(rows.length, failures.length)
  }
  showNextSteps(cluster)
  process.send?.({ type: 'ready', result: {} } satisfies MemberMessage<object>)
  const reason = await Promise.race([interrupt.asked.then(() => 'interrupt'), cluster.stopAsked.then(() => 'asked')])
  say(reason === 'interrupt' ? 'Taking everything down (Ctrl-C again: at once)' : 'Taking everything down')
  return reason === 'interrupt' ? INTERRUPTED : 0
}

async function demonstrate(cluster: Cluster, manifests: ReturnType<typeof readDemo>): Promise<DemoRow[]> {
  const rows = await runDemo({
    cluster,
    manifests,
    onFirstAnswer: ({ pod }) =>
      done(`first answer through a ClusterIP, from ${pod}, ${sinceStart()} after the command`),
  })
  print('')
  print(demoTable(rows))
  print('')
  return rows
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

function interrupted(): number {
  say('Interrupted: taking everything down (Ctrl-C again: at once)')
  return INTERRUPTED
}

/** The first Ctrl-C (or SIGTERM) asks for the end; the second ends at once. */
function catchInterrupt(): { readonly asked: Promise<undefined> } {
  const asked = new Promise<undefined>((resolve) => {
    let count = 0
    const onSignal = () => {
      count++
      if (count > 1) process.exit(INTERRUPTED)
      resolve(undefined)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
  return { asked }
}

/** Milliseconds since this process began, the runtime's own start included. */
function sinceStart(): string {
  return `${Math.round(performance.now())} ms`
}

/** Runs the same command in a session of its own, and returns when the cluster stands. */
async function detach(options: UpOptions, spec: ClusterSpec): Promise<number> {
  const layout = clusterLayout(spec.name)
  const logDirectory = join(dirname(dirname(layout.stateDirectory)), 'log')
  mkdirSync(logDirectory, { recursive: true, mode: 0o700 })
  const log = openSync(join(logDirectory, `${spec.name}.log`), 'w', 0o600)
  const child = spawn(process.execPath, [join(distDirectory(), 'fairlead.js'), ...foregroundArguments(options)], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  })
  closeSync(log)
  const message = await new Promise<MemberMessage<object>>((resolve, reject) => {
    child.once('message', (received: MemberMessage<object>) => resolve(received))
    child.once('exit', (code) => {
      const hint = `See ${join(logDirectory, `${spec.name}.log`)}`
      reject(new FairleadError('PROCESS_FAILED', `The cluster ${spec.name} ended with code ${code}`, { hint }))
    })
  })
  if (message.type === 'failed') throw memberError(`the cluster ${spec.name}`, message)
  child.disconnect()
  child.unref()
  done(`cluster ${spec.name} runs in the background; end it with: fairlead down --name ${spec.name}`)
  print(`export KUBECONFIG=${layout.kubeconfig}`)
  return 0
}

function foregroundArguments({ name, nodes, apiPort, image, demo }: UpOptions): string[] {
  const images = image.flatMap((text) => ['--image', text])
  const common = ['up', '--name', name, '--nodes', String(nodes), '--api-port', String(apiPort), ...images]
  return demo ? common : [...common, '--no-demo']
}
