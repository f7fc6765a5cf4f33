import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../base/error.ts'
import {
  inNewIpcNamespace,
  inNewMountNamespace,
  inNewProcessNamespace,
  type MemoryFiles,
} from '../../linux/mount-namespace.ts'
import { isAlive, killProcess } from '../../linux/process.ts'
import { readIdentity } from './container-directory.ts'

/** What containers of one pod share, and no file of the machine can carry. */
export interface PodShare {
  /** Directories of the pod that are file systems in memory. */
  readonly memory: readonly MemoryFiles[]
  /** Containers are in one process namespace (`shareProcessNamespace`). */
  readonly processes: boolean
  /** One namespace for System V objects and message queues; which of `memory` is its `/dev/shm`. */
  readonly ipc?: { readonly shm: string }
}

/** The process that keeps what a pod's containers share, as the `pause` container does elsewhere. */
export interface PodHolder {
  readonly pid: number
  readonly share: PodShare
}

/**
 * It waits until it is written down, so that none is there that nobody knows of. As the first process of a namespace it
 * takes leave of what has no parent any more: the shell's `wait` does.
 */
const SCRIPT = 'read -r go || exit 1; while :; do sleep 2147483647 & wait; done'

/** The holder of a pod that is there, also from an earlier life of the agent. */
export function findHolder(podDirectory: string): PodHolder | undefined {
  const identity = readIdentity(identityFile(podDirectory))
  if (identity === undefined || !isAlive(identity)) return undefined
  return { pid: identity.pid, share: JSON.parse(readFileSync(shareFile(podDirectory), 'utf8')) }
}

/**
 * The holder of a pod; made when there is none. It outlives the agent, and nothing of it is mounted on the machine: the
 * file systems are in a mount namespace of the holder's own.
 *
 * @throws FairleadError `RUNTIME_FAILED` or `SYSCALL_FAILED`
 */
export function holdPod(podDirectory: string, share: PodShare): PodHolder {
  const found = findHolder(podDirectory)
  if (found !== undefined) return found
  for (const { target } of share.memory) mkdirSync(target, { recursive: true })
  writeFileSync(shareFile(podDirectory), JSON.stringify(share))
  const child = startHolder(podDirectory, share)
  if (child.pid === undefined) {
    throw new FairleadError(
      'RUNTIME_FAILED',
      `Cannot start /bin/sh, which keeps what the containers of ${podDirectory} share`,
    )
  }
  writeFileSync(identityFile(podDirectory), readFileSync(`/proc/${child.pid}/stat`))
  child.stdin?.end('go\n')
  child.unref()
  return { pid: child.pid, share }
}

/** Ends the holder of a pod, and with it every process of the namespace that it keeps. Missing is fine. */
export function endHolder(podDirectory: string): void {
  const identity = readIdentity(identityFile(podDirectory))
  if (identity !== undefined) killProcess(identity, 'SIGKILL')
  rmSync(identityFile(podDirectory), { force: true })
}

/** Where a process finds the pod's file systems in memory: what stands before a path of the machine. */
export function holderView(holder: PodHolder | undefined): string {
  return holder === undefined || holder.share.memory.length === 0 ? '' : `/proc/${holder.pid}/root`
}

/** The mount namespace in which runc must be started so that it sees them. */
export function holderMounts(holder: PodHolder | undefined): string | undefined {
  return holder === undefined || holder.share.memory.length === 0 ? undefined : `/proc/${holder.pid}/ns/mnt`
}

function startHolder(podDirectory: string, { memory, processes, ipc }: PodShare): ChildProcess {
  const start = () =>
    spawn('/bin/sh', ['-c', SCRIPT, 'fairlead-pod', podDirectory], {
      cwd: '/',
      env: { PATH: process.env.PATH, FAIRLEAD_POD: podDirectory },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
  const counted = processes ? () => inNewProcessNamespace(start) : start
  const talking = ipc === undefined ? counted : () => inNewIpcNamespace(counted)
  const child = memory.length === 0 ? talking() : inNewMountNamespace(memory, talking)
  // Both are seen otherwise: a child that did not start has no number, and one that has ended is not alive.
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  return child
}

/** As `/proc/PID/stat` shows it. */
function identityFile(podDirectory: string): string {
  return join(podDirectory, 'holder')
}

function shareFile(podDirectory: string): string {
  return join(podDirectory, 'share.json')
}
