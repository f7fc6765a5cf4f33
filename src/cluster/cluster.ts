import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { createLog, type Log } from '../base/log.ts'
import { createVpc } from '../cloud/fabric/vpc-fabric.ts'
import type { Client } from '../kube/client.ts'
import { netnsPath } from '../linux/netns.ts'
import { findRunc, runcVersion } from '../node/runtime/runc-command.ts'
import { connectWith } from './admin-access.ts'
import type { AgentConfig, AgentReady } from './agent.ts'
import { type ClusterLock, lockCluster } from './cluster-lock.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import type { ControlPlaneConfig, ControlPlaneReady } from './control-plane.ts'
import { createFabric, type Fabric } from './fabric.ts'
import { clusterLayout, type Layout, type LayoutRoots, nodeNetns } from './layout.ts'
import { preflight, requireRoot } from './preflight.ts'
import { ProcessRegister } from './process-register.ts'
import { hasRemains, removeCluster } from './remove-cluster.ts'
import { Supervisor } from './supervisor.ts'

export interface StartOptions {
  readonly spec: ClusterSpec
  readonly roots?: LayoutRoots
  /** Called as things come to stand, for showing progress. */
  readonly onProgress?: (step: ClusterStep) => void
  readonly clock?: Clock
  /** The process ends with the cluster: `down` waits for that, too. */
  readonly endsProcess?: boolean
}

export type ClusterStep =
  | { readonly step: 'cleaned' }
  | { readonly step: 'network' }
  | { readonly step: 'api'; readonly server: string }
  | { readonly step: 'node'; readonly name: string; readonly podCidrs: readonly string[] }

const CONTROL_PLANE = 'control-plane'

/** A running cluster and the process that keeps it running. Disposing takes everything down. */
export class Cluster implements AsyncDisposable {
  readonly spec: ClusterSpec
  readonly layout: Layout
  /** As an administrator. */
  readonly client: Client
  readonly server: string
  /** Resolves when every node's network, Services and pods are looked after. */
  readonly nodesReady: Promise<void>
  readonly #parts: ClusterParts

  constructor(parts: ClusterParts) {
    this.spec = parts.spec
    this.layout = parts.layout
    this.client = parts.client
    this.server = parts.ready.server
    this.nodesReady = parts.nodesReady
    this.#parts = parts
  }

  /** Resolves when another process asks for the cluster's end. */
  get stopAsked(): Promise<void> {
    return this.#parts.lock.stopAsked
  }

  /** Path of the namespace of a client on the internet. */
  get internet(): string {
    return this.#parts.fabric.internet
  }

  /** Path of a node's network namespace. */
  nodeNetns(name: string): string {
    return netnsPath(nodeNetns(this.spec.name, name))
  }

  /** Process numbers by member: `control-plane`, `node-1`, ... */
  processes(): ReadonlyMap<string, number> {
    return this.#parts.supervisor.processes()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { supervisor, fabric, lock, transport, spec, roots, clock, log } = this.#parts
    transport[Symbol.dispose]()
    await supervisor.stop([spec.nodes.map((node) => node.name), [CONTROL_PLANE]])
    fabric[Symbol.dispose]()
    await removeCluster({ name: spec.name, roots, clock, log })
    await lock[Symbol.asyncDispose]()
  }
}

interface ClusterParts {
  readonly spec: ClusterSpec
  readonly roots: LayoutRoots
  readonly layout: Layout
  readonly lock: ClusterLock
  readonly fabric: Fabric
  readonly supervisor: Supervisor
  readonly ready: ControlPlaneReady
  readonly nodesReady: Promise<void>
  readonly client: Client
  readonly transport: Disposable
  readonly clock: Clock
  readonly log: Log
}

/**
 * Starts a cluster. Returns when its API answers; nodes join meanwhile ({@link Cluster.nodesReady}). What a crashed
 * cluster of the same name left is removed first.
 *
 * @throws FairleadError when the machine does not allow it (see `preflight`), or the name is taken.
 */
export async function startCluster(options: StartOptions): Promise<Cluster> {
  const { spec, roots = {}, clock = systemClock, onProgress = () => {} } = options
  const layout = clusterLayout(spec.name, roots)
  requireRoot()
  const lock = await lockCluster(spec.name, roots, { endsProcess: options.endsProcess === true })
  const log = createLog({ component: 'supervisor', level: process.env.FAIRLEAD_LOG_LEVEL ?? 'warn' })
  try {
    if (hasRemains(layout)) {
      await removeCluster({ name: spec.name, roots, clock, log, keepDetachedLog: true })
      onProgress({ step: 'cleaned' })
    }
    await preflight(spec, layout)
    return await assemble({ options, layout, lock, log })
  } catch (error) {
    // Why it does not start is what matters, also where nothing can be cleaned up.
    await removeCluster({ name: spec.name, roots, clock, log }).catch((failure) =>
      log.error({ err: failure }, 'Cannot remove what a failed start has left'),
    )
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

interface Assembly {
  readonly options: StartOptions
  readonly layout: Layout
  readonly lock: ClusterLock
  readonly log: Log
}

async function assemble({ options, layout, lock, log }: Assembly): Promise<Cluster> {
  const { spec, roots = {}, clock = systemClock, onProgress = () => {} } = options
  const register = new ProcessRegister(layout.processDirectory)
  const supervisor = new Supervisor({ register, logDirectory: layout.logDirectory, log, clock })
  // It loads while the network is made.
  supervisor.spawn({ name: CONTROL_PLANE, program: programPath('control-plane') })
  try {
    register.add('supervisor', process.pid)
    writeFileAtomic(layout.specFile, JSON.stringify(spec))
    const vpc = createVpc({ cluster: spec.name, cidr: spec.vpcCidr })
    const config: ControlPlaneConfig = { spec, roots, vpc: { netns: vpc.netns, address: vpc.controlPlaneAddress } }
    const version = runcVersion(findRunc(layout.runDirectory))
    const controlPlane = supervisor.start<ControlPlaneReady>(CONTROL_PLANE, config)
    // Both are awaited below; a network that cannot be made is the first failure to tell.
    for (const coming of [version, controlPlane]) coming.catch(() => {})
    const fabric = createFabric(spec, vpc)
    onProgress({ step: 'network' })
    for (const node of spec.nodes) {
      supervisor.spawn({
        name: node.name,
        program: programPath('agent'),
        netns: netnsPath(nodeNetns(spec.name, node.name)),
        prepare: () => fabric.ensureNode(node),
        ahead: true,
      })
    }
    const ready = await controlPlane
    const runc = await version
    // After a crash it comes back at the same port, also where the kernel chose it.
    const apiPort = Number(new URL(ready.server).port)
    supervisor.reconfigure(CONTROL_PLANE, { ...config, spec: { ...spec, apiPort } } satisfies ControlPlaneConfig)
    onProgress({ step: 'api', server: ready.server })
    const nodesReady = startAgents({ spec, roots, supervisor, ready, runcVersion: runc, onProgress })
    // Whoever waits for it hears of a failure; nobody else must.
    nodesReady.catch(() => {})
    const { client, transport } = connectWith(ready)
    return new Cluster({
      spec,
      roots,
      layout,
      lock,
      fabric,
      supervisor,
      ready,
      nodesReady,
      client,
      transport,
      clock,
      log,
    })
  } catch (error) {
    await supervisor.stop()
    throw error
  }
}

interface AgentsToStart {
  readonly spec: ClusterSpec
  readonly roots: LayoutRoots
  readonly supervisor: Supervisor
  readonly ready: ControlPlaneReady
  readonly runcVersion: string
  readonly onProgress: (step: ClusterStep) => void
}

async function startAgents({ spec, roots, supervisor, ready, runcVersion, onProgress }: AgentsToStart): Promise<void> {
  await Promise.all(
    spec.nodes.map(async (node) => {
      const credentials = ready.nodes[node.name]
      if (credentials === undefined) throw new FairleadError('BUG', `There is no certificate for ${node.name}`)
      const config: AgentConfig = {
        spec,
        roots,
        node,
        server: ready.nodeServer,
        caPem: ready.caPem,
        credentials,
        runcVersion,
        ...(ready.cloud === undefined ? {} : { cloud: ready.cloud }),
        builtinDirectory: join(distDirectory(), 'images'),
      }
      const { podCidrs } = await supervisor.start<AgentReady>(node.name, config)
      onProgress({ step: 'node', name: node.name, podCidrs })
    }),
  )
}

function programPath(name: string): string {
  return join(distDirectory(), `${name}.js`)
}

/** The built programs: beside this file once built, in the package's `dist` when run from source. */
export function distDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  if (existsSync(join(here, 'control-plane.js'))) return here
  const dist = join(dirname(dirname(here)), 'dist')
  if (existsSync(join(dist, 'control-plane.js'))) return dist
  throw new FairleadError('NOT_FOUND', `Cannot find the built programs in ${dist}`, { hint: 'Run: npm run build' })
}
