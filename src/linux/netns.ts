import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { FairleadError } from '../base/error.ts'
import { unless } from '../base/unless.ts'
import {
  CLONE_NEWNET,
  close,
  isErrno,
  MNT_DETACH,
  MS_BIND,
  mount,
  O_RDONLY,
  open,
  setns,
  umount,
  unshare,
} from './libc.ts'

/** Where named network namespaces are pinned; the place `ip netns` looks too. */
export const NETNS_DIRECTORY = '/run/netns'

const OWN_NETNS = '/proc/thread-self/ns/net'

/** The path of a named network namespace. Everything else takes such a path (or `/proc/PID/ns/net`). */
export function netnsPath(name: string): string {
  return `${NETNS_DIRECTORY}/${name}`
}

/** Names of the pinned network namespaces that begin with `prefix`. */
export function listNetns(prefix = ''): string[] {
  const names = unless(['ENOENT'], () => readdirSync(NETNS_DIRECTORY)) ?? []
  return names.filter((name) => name.startsWith(prefix))
}

/**
 * Runs one synchronous call inside a network namespace and comes back, also when it throws. Sockets opened and children
 * started by the call stay in that namespace. Without a path the call runs where the thread is.
 */
export function inNetns<T>(path: string | undefined, call: () => T): T {
  if (path === undefined) return call()
  const own = open(OWN_NETNS, O_RDONLY)
  try {
    const target = open(path, O_RDONLY)
    try {
      setns(target, CLONE_NEWNET, path)
    } finally {
      close(target)
    }
    try {
      const result = call()
      if (result instanceof Promise) throw new FairleadError('BUG', `The call in ${path} is not synchronous`)
      return result
    } finally {
      setns(own, CLONE_NEWNET, 'the own network namespace')
    }
  } finally {
    close(own)
  }
}

/**
 * Creates a network namespace and pins it at {@link netnsPath}. Its loopback device is down.
 *
 * @throws SyscallError `EEXIST` when the name is taken.
 */
export function createNetns(name: string): string {
  const path = netnsPath(name)
  mkdirSync(NETNS_DIRECTORY, { recursive: true, mode: 0o755 })
  writeFileSync(path, '', { flag: 'wx', mode: 0o444 })
  const own = open(OWN_NETNS, O_RDONLY)
  try {
    unshare(CLONE_NEWNET)
    try {
      mount({ source: OWN_NETNS, target: path, flags: MS_BIND })
    } finally {
      setns(own, CLONE_NEWNET, 'the own network namespace')
    }
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    close(own)
  }
  return path
}

/** Unpins a network namespace; the kernel frees it when its last process and socket are gone. Missing is fine. */
export function deleteNetns(name: string): void {
  const path = netnsPath(name)
  try {
    umount(path, MNT_DETACH)
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error
  }
  rmSync(path, { force: true })
}
