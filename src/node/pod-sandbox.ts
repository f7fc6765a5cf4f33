import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import type { Pod } from '../kube/types/core.ts'
import { removeCgroup } from '../linux/cgroup.ts'
import { createNetns, deleteNetns, NETNS_DIRECTORY, netnsPath } from '../linux/netns.ts'
import type { PodIdentity, PodNetwork } from '../network/pod-network.ts'
import { hostPortsOf } from './host-ports/host-port-plan.ts'
import type { HostPorts } from './host-ports/host-ports.ts'
import { nodeCgroup } from './node-directories.ts'
import {
  type ClusterDns,
  formatResolver,
  hostnameProblem,
  nodeHosts,
  parseResolver,
  podHostname,
  podHosts,
  podResolver,
  resolverProblems,
} from './pod-files.ts'
import { podNetns } from './pod-netns.ts'
import type { BindMount } from './runtime/oci-spec.ts'
import { endHolder } from './runtime/pod-holder.ts'

export interface PodSandboxesOptions {
  readonly clusterName: string
  readonly nodeName: string
  readonly network: PodNetwork
  readonly hostPorts: HostPorts
  readonly dns: ClusterDns
  /** What a RuntimeClass calls its runtime. */
  runtimeHandler(className: string): Promise<string>
  /** One directory per pod, shared with the runtime. */
  readonly podsDirectory: string
  /** Addresses of the node, which pods with `hostNetwork` have too. */
  readonly hostIPs: readonly string[]
}

/** What all containers of a pod share. */
export interface PodSandbox {
  /** As it was when the sandbox was made; what is left to know of a pod whose object is gone. */
  readonly pod: Pod
  readonly addresses: readonly string[]
  /** Left out for a pod in the node's own network. */
  readonly netns?: string
}

interface SandboxFile {
  readonly pod: Pod
  readonly addresses: readonly string[]
}

/** The only one that nodes have. */
const RUNTIME = 'runc'
const RESOLV_CONF = '/etc/resolv.conf'
const HOSTS = '/etc/hosts'

/** Makes and removes what the containers of a pod share: the network namespace with its addresses, and files in /etc. */
export class PodSandboxes {
  readonly #options: PodSandboxesOptions

  constructor(options: PodSandboxesOptions) {
    this.#options = options
  }

  /** The sandbox that is there, also from an earlier life of the agent. */
  find(uid: string): PodSandbox | undefined {
    const file = this.#read(uid)
    if (file === undefined) return undefined
    if (file.pod.spec.hostNetwork === true) return file
    const netns = this.#netns(uid)
    return isPinned(netns) ? { ...file, netns } : undefined
  }

  /** Leads the host ports of these pods to them as before, and forgets those of all others. */
  restoreHostPorts(uids: readonly string[]): void {
    const { hostPorts } = this.#options
    for (const uid of uids) {
      const sandbox = this.find(uid)
      if (sandbox !== undefined)
        hostPorts.publish(uid, nameOf(sandbox.pod), hostPortsOf(sandbox.pod, sandbox.addresses))
    }
    hostPorts.prune()
  }

  /** The pod as its sandbox remembers it, also when the sandbox itself is gone (the machine was started anew). */
  remembered(uid: string): Pod | undefined {
    return this.#read(uid)?.pod
  }

  /** The files of a pod; each makes one of a container's mounts. */
  mounts(uid: string): readonly BindMount[] {
    return ['hosts', 'resolv.conf', 'hostname'].map((name) => ({
      source: join(this.#directory(uid), name),
      destination: `/etc/${name}`,
      readOnly: false,
    }))
  }

  /** Finds what the network will give the pod; undefined when there is nothing to wait for. */
  prepare(pod: Pod, signal: AbortSignal): Promise<void> | undefined {
    const { runtimeClassName } = pod.spec
    if (!runtimeClassName) return this.#prepareNetwork(pod, signal)
    return this.#requireRuntime(runtimeClassName).then(() => this.#prepareNetwork(pod, signal))
  }

  #prepareNetwork(pod: Pod, signal: AbortSignal): Promise<void> | undefined {
    return pod.spec.hostNetwork === true ? undefined : this.#options.network.prepare?.(identityOf(pod), signal)
  }

  async #requireRuntime(className: string): Promise<void> {
    const handler = await this.#options.runtimeHandler(className)
    if (handler !== RUNTIME) throw new FairleadError('RUNTIME_FAILED', `no runtime for "${handler}" is configured`)
  }

  /**
   * Makes the sandbox; the last step is the file that says that it is whole.
   *
   * @throws FairleadError when the network cannot be attached; nothing is left then.
   */
  create(pod: Pod): PodSandbox {
    const uid = uidOf(pod)
    const directory = this.#directory(uid)
    const unnamed = hostnameProblem(pod, this.#options.dns.domain)
    if (unnamed !== undefined) throw new FairleadError('INVALID_INPUT', unnamed)
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    const hostNetwork = pod.spec.hostNetwork === true
    const addresses = hostNetwork ? this.#options.hostIPs : this.#attach(pod, uid)
    this.#writeFiles(pod, directory, addresses)
    // Replaced in one step but not forced to the disk: it need not outlive the machine, only the agent.
    const file = join(directory, 'pod.json')
    writeFileSync(`${file}.tmp`, JSON.stringify({ pod, addresses } satisfies SandboxFile), { mode: 0o600 })
    renameSync(`${file}.tmp`, file)
    this.#options.hostPorts.publish(uid, nameOf(pod), hostPortsOf(pod, addresses))
    return { pod, addresses, ...(hostNetwork ? {} : { netns: this.#netns(uid) }) }
  }

  /** What a pod asks of its resolver and does not get. */
  resolverProblems(pod: Pod): readonly string[] {
    return resolverProblems(pod, this.#options.dns, parseResolver(readIfThere(RESOLV_CONF)))
  }

  /** Gives back addresses, the namespace, and what is in memory; the pod's directory stays. Missing is fine. */
  removeNetwork(uid: string): void {
    endHolder(this.#directory(uid))
    rmSync(join(this.#directory(uid), 'pod.json'), { force: true })
    this.#options.hostPorts.withdraw(uid)
    this.#options.network.detach(uid)
    deleteNetns(podNetns(this.#options.clusterName, uid))
  }

  /** Removes everything of a pod. */
  async remove(uid: string): Promise<void> {
    endHolder(this.#directory(uid))
    this.#options.hostPorts.withdraw(uid)
    this.#options.network.detach(uid)
    deleteNetns(podNetns(this.#options.clusterName, uid))
    await removeCgroup(join(nodeCgroup(this.#options.clusterName, this.#options.nodeName), uid))
    await rm(this.#directory(uid), { recursive: true, force: true, maxRetries: 3 })
  }

  #attach(pod: Pod, uid: string): readonly string[] {
    const name = podNetns(this.#options.clusterName, uid)
    // What a crash left half made.
    deleteNetns(name)
    const path = createNetns(name)
    try {
      return this.#options.network.attach(identityOf(pod), path).addresses
    } catch (error) {
      this.#options.network.detach(uid)
      deleteNetns(name)
      throw error
    }
  }

  #writeFiles(pod: Pod, directory: string, addresses: readonly string[]): void {
    const { dns } = this.#options
    const host = parseResolver(readIfThere(RESOLV_CONF))
    writeFileSync(join(directory, 'resolv.conf'), formatResolver(podResolver(pod, dns, host)), { mode: 0o644 })
    const hosts =
      pod.spec.hostNetwork === true ? nodeHosts(pod, readIfThere(HOSTS)) : podHosts(pod, addresses, dns.domain)
    writeFileSync(join(directory, 'hosts'), hosts, { mode: 0o644 })
    writeFileSync(join(directory, 'hostname'), `${podHostname(pod, dns.domain)}\n`, { mode: 0o644 })
  }

  #read(uid: string): SandboxFile | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#directory(uid), 'pod.json'), 'utf8'))
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  #netns(uid: string): string {
    return netnsPath(podNetns(this.#options.clusterName, uid))
  }

  #directory(uid: string): string {
    return join(this.#options.podsDirectory, uid)
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`
}

function identityOf(pod: Pod): PodIdentity {
  return { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: uidOf(pod) }
}

function uidOf(pod: Pod): string {
  const { uid, name } = pod.metadata
  if (uid !== undefined && /^[\w-]+$/.test(uid)) return uid
  throw new FairleadError(
    'INVALID_INPUT',
    `Cannot run pod ${name}: its uid "${uid}" is not one of letters, digits and -`,
  )
}

/** A file that no namespace is mounted on is what a restart of the machine left. */
function isPinned(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && stat.dev !== statSync(NETNS_DIRECTORY).dev
}
