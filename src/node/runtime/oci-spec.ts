import { FairleadError } from '../../base/error.ts'
import { defaultSeccomp } from './default-seccomp.ts'
import type { PodHolder } from './pod-holder.ts'

/** A file or directory of the machine that the container sees. Its place is made when the image has none. */
export interface BindMount {
  readonly source: string
  readonly destination: string
  readonly readOnly: boolean
}

export interface ContainerUser {
  readonly uid: number
  readonly gid: number
  readonly additionalGids?: readonly number[]
}

/** The container's file system: what its image gives, and where its own writes go. All three on one machine's disk. */
export interface OverlayRoot {
  readonly lower: string
  readonly upper: string
  readonly work: string
}

/** What the kernel may give at most; as in the OCI runtime specification. */
export interface ResourceLimits {
  /** Bytes. */
  readonly memory?: number
  readonly cpu?: { readonly shares?: number; readonly quota?: number; readonly period?: number }
}

/** Everything that an OCI bundle is made from. */
export interface ContainerConfig {
  readonly args: readonly string[]
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly workingDirectory: string
  readonly user: ContainerUser
  readonly hostname: string
  /** Path of the network namespace; the one of the agent itself when left out (`hostNetwork`). */
  readonly netns?: string
  /** Below the root of each hierarchy, e.g. `/fairlead/demo/node-1/UID/web`. */
  readonly cgroup: string
  readonly root: OverlayRoot
  readonly mounts: readonly BindMount[]
  readonly limits?: ResourceLimits
  /** The program's three streams are a terminal. @default false */
  readonly terminal?: boolean
  /** Clients can write to the program; without it there is nothing to be read. @default false */
  readonly stdin?: boolean
  readonly readOnlyRoot?: boolean
  /** The bounding set; what containerd gives when left out. */
  readonly capabilities?: readonly string[]
  /** Programs cannot gain rights by set-user-id files. */
  readonly noNewPrivileges?: boolean
  /** System calls that reach beyond the container are refused. */
  readonly seccomp?: boolean
  /** Nothing of the kernel is hidden or read-only, as far as the container's own namespaces go. */
  readonly privileged?: boolean
  /** Name with dots, and value; of the container's own namespaces. */
  readonly sysctls?: Readonly<Record<string, string>>
  /** @default SIGTERM */
  readonly stopSignal?: string
  /** Where the program may leave its last words. */
  readonly lastWords?: { readonly path: string; readonly elseFromLog: boolean }
  readonly oomScoreAdjust?: number
  /** The process sees those of the machine (`hostPID`). */
  readonly hostProcesses?: boolean
  /** The process uses the machine's shared memory, semaphores and queues (`hostIPC`). */
  readonly hostIpc?: boolean
  /** It sees the processes of this one, which is the first of another container. */
  readonly processesOf?: number
  /** Keeps what the containers of the pod share. */
  readonly holder?: PodHolder
}

/** What containerd gives a container that asks for nothing. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/sys/firmware',
  '/proc/scsi',
]

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const SYSTEM_MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
] as const

/** Of the machine, or of the pod. */
function sharedMemory(source: string): object {
  const options = ['rbind', 'rprivate', 'nosuid', 'noexec', 'nodev', 'rw']
  return { destination: '/dev/shm', type: 'bind', source, options }
}

/**
 * The `config.json` of an OCI bundle (OCI runtime specification 1.0.2). The root file system is an overlay that is
 * mounted by the runtime inside the container's own mount namespace, so that the machine never carries a mount of ours
 * and nothing is left to unmount, however a container ends.
 *
 * @throws FairleadError `INVALID_INPUT` for a directory whose name the kernel's overlay options cannot carry.
 */
export function ociSpec(config: ContainerConfig): object {
  return {
    ociVersion: '1.0.2',
    process: processSpec(config),
    root: { path: 'rootfs', readonly: config.readOnlyRoot ?? false },
    hostname: config.hostname,
    mounts: [overlayMount(config.root), ...systemMounts(config), ...config.mounts.map(bindMount)],
    linux: {
      namespaces: [
        ...processNamespace(config),
        ...ipcNamespace(config),
        { type: 'uts' },
        { type: 'mount' },
        ...(config.netns === undefined ? [] : [{ type: 'network', path: config.netns }]),
      ],
      cgroupsPath: config.cgroup,
      resources: { devices: [{ allow: config.privileged ?? false, access: 'rwm' }], ...limitsSpec(config.limits) },
      ...(config.sysctls === undefined ? {} : { sysctl: config.sysctls }),
      ...(config.seccomp ? { seccomp: defaultSeccomp(config.capabilities ?? DEFAULT_CAPABILITIES) } : {}),
      ...(config.privileged ? {} : { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
    },
  }
}

function processNamespace({ hostProcesses, processesOf, holder }: ContainerConfig): readonly object[] {
  if (hostProcesses) return []
  const of = processesOf ?? (holder?.share.processes ? holder.pid : undefined)
  return [of === undefined ? { type: 'pid' } : { type: 'pid', path: `/proc/${of}/ns/pid` }]
}

function ipcNamespace({ hostIpc, holder }: ContainerConfig): readonly object[] {
  if (hostIpc) return []
  return [holder?.share.ipc === undefined ? { type: 'ipc' } : { type: 'ipc', path: `/proc/${holder.pid}/ns/ipc` }]
}

/** A later mount of a pod's own takes the place of one of ours, as `/dev/shm` often does. */
function systemMounts({ mounts, privileged, hostIpc, holder }: ContainerConfig): readonly object[] {
  const own = new Set(mounts.map(({ destination }) => destination))
  return SYSTEM_MOUNTS.filter(({ destination }) => !own.has(destination)).map((mount) => {
    const shm = hostIpc ? '/dev/shm' : holder?.share.ipc?.shm
    if (shm !== undefined && mount.destination === '/dev/shm') return sharedMemory(shm)
    return privileged && mount.destination === '/sys' ? { ...mount, options: ['nosuid', 'noexec', 'nodev'] } : mount
  })
}

function processSpec(config: ContainerConfig): object {
  const { args, env, workingDirectory, user, capabilities: bounding = DEFAULT_CAPABILITIES, terminal = false } = config
  const capabilities = user.uid === 0 ? bounding : []
  return {
    terminal,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids ?? [] },
    args,
    env,
    cwd: workingDirectory,
    capabilities: { bounding, effective: capabilities, permitted: capabilities },
    noNewPrivileges: config.noNewPrivileges ?? false,
    ...(config.oomScoreAdjust === undefined ? {} : { oomScoreAdj: config.oomScoreAdjust }),
  }
}

function overlayMount({ lower, upper, work }: OverlayRoot): object {
  for (const path of [lower, upper, work]) {
    if (!/[,:\\]/.test(path)) continue
    throw new FairleadError('INVALID_INPUT', `Cannot put a container's files in ${path}: , : and \\ are not possible`)
  }
  const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`]
  return { destination: '/', type: 'overlay', source: 'overlay', options }
}

function bindMount({ source, destination, readOnly }: BindMount): object {
  return { destination, type: 'bind', source, options: ['rbind', 'rprivate', readOnly ? 'ro' : 'rw'] }
}

/** `linux.resources` of a bundle, and what `runc update` reads. */
export function limitsSpec({ memory, cpu }: ResourceLimits = {}): object {
  return {
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(cpu === undefined ? {} : { cpu }),
  }
}
