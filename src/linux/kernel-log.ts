/**
 * What the kernel has said lately.
 * Source: Documentation/ABI/testing/dev-kmsg; mm/oom_kill.c (`dump_oom_victim`)
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { systemErrorCode } from '../base/error.ts'
import { unless } from '../base/unless.ts'

/** The longest record that the kernel hands out. */
const MAXIMUM_RECORD = 8192

const UNREADABLE = ['ENOENT', 'EPERM', 'EACCES', 'ENXIO']

/** The messages that the kernel still has, oldest first; none where it shows them to nobody. */
export function readKernelLog(path = '/dev/kmsg'): string[] {
  const fd = unless(UNREADABLE, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  if (fd === undefined) return []
  try {
    return readRecords(fd)
  } finally {
    closeSync(fd)
  }
}

/** Each read gives one record: `priority,number,microseconds,flags;message`, then lines about its device. */
function readRecords(fd: number): string[] {
  const messages: string[] = []
  const bytes = Buffer.alloc(MAXIMUM_RECORD)
  for (;;) {
    try {
      const length = readSync(fd, bytes, 0, bytes.length, null)
      if (length === 0) return messages
      const [record = ''] = bytes.toString('utf8', 0, length).split('\n', 1)
      messages.push(record.slice(record.indexOf(';') + 1))
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'EAGAIN') return messages
      // Overwritten before it was read: the next read goes on with what is left.
      if (code !== 'EPIPE') throw error
    }
  }
}

/** Whether the kernel has killed a process of this control group for want of memory, by what it said. */
export function ranOutOfMemory(cgroup: string, messages: readonly string[]): boolean {
  return messages.some((message) => {
    const of = /^oom-kill:.*,task_memcg=([^,]*),/.exec(message)?.[1]
    // The kernel names groups from the root of the machine, which may be above ours.
    return of?.endsWith(cgroup) === true
  })
}
