import { readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem } from 'node:os'
import { formatTime } from '../base/time.ts'
import { unless } from '../base/unless.ts'
import type { Node, NodeAddress, NodeSystemInfo } from '../kube/types/core.ts'
import type { Condition } from '../kube/types/meta.ts'
import { cgroupControllers } from '../linux/cgroup.ts'
import { type LimitController, missingControllers, missingControllerText } from './container-resources.ts'
import { KUBELET_PORT } from './server/kubelet-endpoint.ts'

export interface NodeDescription {
  readonly nodeName: string
  readonly addresses: readonly NodeAddress[]
  readonly labels: Readonly<Record<string, string>>
  /** Shown as the node's version. @default DEFAULT_KUBELET_VERSION */
  readonly kubeletVersion?: string
  /** @default 110 */
  readonly maxPods?: number
  /** Which machine of which cloud it is: `cn-hangzhou.i-bp1…`. */
  readonly providerID?: string
  /** Such as `1.1.5`; see `runcVersion`. */
  readonly runcVersion: string
}

/** The Kubernetes minor version whose behaviour the node agent follows. */
export const DEFAULT_KUBELET_VERSION = 'v1.36.0+fairlead'

/** The node's object as it is first created: not ready, since its pod network is yet to come. */
export function nodeObject(description: NodeDescription, now: number): Node {
  const { nodeName, labels, providerID } = description
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: nodeLabels(nodeName, labels) },
    ...(providerID === undefined ? {} : { spec: { providerID } }),
    status: { ...nodeStatus(description), conditions: nodeConditions(undefined, false, now) },
  }
}

/** The labels that every kubelet gives its node, and further ones. */
export function nodeLabels(
  nodeName: string,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    'beta.kubernetes.io/arch': goArch(),
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': goArch(),
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    ...labels,
  }
}

/** What does not change while the agent runs. All nodes share one machine and each shows all of it. */
export function nodeStatus(description: NodeDescription): NonNullable<Node['status']> {
  const { nodeName, addresses, kubeletVersion = DEFAULT_KUBELET_VERSION, maxPods = 110, runcVersion } = description
  const capacity = { ...nodeCapacity(), pods: String(maxPods) }
  const hostname: NodeAddress = { type: 'Hostname', address: nodeName }
  return {
    capacity,
    allocatable: capacity,
    addresses: addresses.some(({ type }) => type === 'Hostname') ? addresses : [...addresses, hostname],
    daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
    nodeInfo: systemInfo(kubeletVersion, runcVersion),
  }
}

/** What there is to share out. */
export function nodeCapacity(): { readonly cpu: string; readonly memory: string } {
  return { cpu: String(cpus().length), memory: `${Math.floor(totalmem() / 1024)}Ki` }
}

/** The conditions of a node, with the times of what did not change. */
export function nodeConditions(before: readonly Condition[] | undefined, ready: boolean, now: number): Condition[] {
  const missing = missingControllers(cgroupControllers())
  const wanted: Condition[] = [
    { type: 'MemoryPressure', status: 'False', ...reason('HasSufficientMemory', 'has sufficient memory available') },
    { type: 'DiskPressure', status: 'False', ...reason('HasNoDiskPressure', 'has no disk pressure') },
    { type: 'PIDPressure', status: 'False', ...reason('HasSufficientPID', 'has sufficient PID available') },
    ready
      ? { type: 'Ready', status: 'True', ...reason('Ready', 'is posting ready status') }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'the pod network is not ready yet' },
    ...limitsCondition(missing),
  ]
  const own = new Set([LIMITS_ENFORCED, ...wanted.map(({ type }) => type)])
  const foreign = (before ?? []).filter(({ type }) => !own.has(type))
  return [...foreign, ...wanted.map((condition) => withTimes(condition, before, now))]
}

/** Not one of upstream's: there is nothing to say where limits are enforced. */
const LIMITS_ENFORCED = 'LimitsEnforced'

/** Says that containers run without limits, where the machine cannot enforce them. */
export function limitsCondition(missing: readonly LimitController[]): Condition[] {
  if (missing.length === 0) return []
  const message = missing.map(missingControllerText).join(', ')
  return [{ type: LIMITS_ENFORCED, status: 'False', reason: 'ControllerMissing', message }]
}

function withTimes(condition: Condition, before: readonly Condition[] | undefined, now: number): Condition {
  const old = before?.find(({ type }) => type === condition.type)
  const kept = old?.status === condition.status ? old.lastTransitionTime : undefined
  return { ...condition, lastHeartbeatTime: formatTime(now), lastTransitionTime: kept ?? formatTime(now) }
}

function reason(suffix: string, message: string) {
  return { reason: `Kubelet${suffix}`, message: `kubelet ${message}` }
}

function systemInfo(kubeletVersion: string, runcVersion: string): NodeSystemInfo {
  const machineID = readLine('/etc/machine-id')
  return {
    machineID,
    systemUUID: machineID,
    bootID: readLine('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: osName(),
    containerRuntimeVersion: `runc://${runcVersion}`,
    kubeletVersion,
    kubeProxyVersion: kubeletVersion,
    operatingSystem: 'linux',
    architecture: goArch(),
  }
}

function goArch(): string {
  return arch() === 'x64' ? 'amd64' : arch()
}

function osName(): string {
  return /^PRETTY_NAME="?(.*?)"?$/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux'
}

function readLine(path: string): string {
  return readText(path).trim()
}

function readText(path: string): string {
  return unless(['ENOENT'], () => readFileSync(path, 'utf8')) ?? ''
}
