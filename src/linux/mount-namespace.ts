import { FairleadError } from '../base/error.ts'
import {
  CLONE_FS,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  close,
  fchdir,
  MS_NODEV,
  MS_NOSUID,
  MS_REC,
  MS_SLAVE,
  mount,
  O_RDONLY,
  open,
  setns,
  unshare,
} from './libc.ts'

const OWN_MOUNTS = '/proc/thread-self/ns/mnt'
const OWN_IPC = '/proc/thread-self/ns/ipc'
const OWN_CHILDREN = '/proc/thread-self/ns/pid'

/** A file system in memory, to be mounted on a directory that is there. */
export interface MemoryFiles {
  readonly target: string
  /** It takes no more bytes than these. */
  readonly bytes: number
  readonly mode: number
  readonly gid?: number
}

/**
 * Runs one synchronous call in a mount namespace (by path, such as `/proc/PID/ns/mnt`) and comes back, also when it
 * throws. Children started by the call stay in it. Without a path the call runs where the thread is.
 */
export function inMountNamespace<T>(path: string | undefined, call: () => T): T {
  if (path === undefined) return call()
  return awayFromMounts(() => {
    const target = open(path, O_RDONLY)
    try {
      // The kernel moves a thread whose root and working directory are its own only.
      unshare(CLONE_FS)
      setns(target, CLONE_NEWNS, path)
    } finally {
      close(target)
    }
    return call()
  })
}

/**
 * Runs one synchronous call in a new mount namespace, in which these file systems are mounted beside all that is mounted
 * on the machine, and comes back. The namespace lasts as long as a child that the call has started is in it. What is
 * mounted on the machine later is seen in it, and nothing of it on the machine (mount_namespaces(7), slave mounts).
 */
export function inNewMountNamespace<T>(files: readonly MemoryFiles[], call: () => T): T {
  return awayFromMounts(() => {
    unshare(CLONE_NEWNS)
    mount({ source: 'none', target: '/', flags: MS_REC | MS_SLAVE })
    for (const { target, bytes, mode, gid } of files) {
      const data = `size=${bytes},mode=${mode.toString(8)}${gid === undefined ? '' : `,gid=${gid}`}`
      mount({ source: 'tmpfs', target, type: 'tmpfs', flags: MS_NOSUID | MS_NODEV, data })
    }
    return call()
  })
}

/** Runs one synchronous call whose first child is the first process of a new process namespace (pid_namespaces(7)). */
export function inNewProcessNamespace<T>(call: () => T): T {
  return comingBack(OWN_CHILDREN, CLONE_NEWPID, () => {
    unshare(CLONE_NEWPID)
    return call()
  })
}

/** Runs one synchronous call whose children have System V objects and message queues of their own (ipc_namespaces(7)). */
export function inNewIpcNamespace<T>(call: () => T): T {
  return comingBack(OWN_IPC, CLONE_NEWIPC, () => {
    unshare(CLONE_NEWIPC)
    return call()
  })
}

/** To enter a mount namespace is also to be at its root. */
function awayFromMounts<T>(call: () => T): T {
  const directory = open('.', O_RDONLY)
  try {
    return comingBack(OWN_MOUNTS, CLONE_NEWNS, call)
  } finally {
    fchdir(directory)
    close(directory)
  }
}

function comingBack<T>(own: string, type: number, call: () => T): T {
  const back = open(own, O_RDONLY)
  try {
    const result = call()
    if (result instanceof Promise) throw new FairleadError('BUG', 'A call in another namespace is not synchronous')
    return result
  } finally {
    setns(back, type, own)
    close(back)
  }
}
