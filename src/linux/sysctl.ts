import { readFileSync, writeFileSync } from 'node:fs'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import { unless } from '../base/unless.ts'
import { inNetns } from './netns.ts'

/**
 * Reads a kernel setting as a namespace sees it.
 *
 * @param name With slashes, since link names have dots: `net/ipv4/conf/flannel.1/rp_filter`.
 * @returns undefined when this kernel has no such setting.
 */
export function readSysctl(netns: string | undefined, name: string): string | undefined {
  return inNetns(netns, () => unless(['ENOENT'], () => readFileSync(`/proc/sys/${name}`, 'utf8').trim()))
}

/**
 * Writes kernel settings of one namespace, in order.
 *
 * @param settings By name with slashes.
 * @throws FairleadError `KERNEL_FEATURE` when this kernel has no such setting.
 */
export function writeSysctls(netns: string | undefined, settings: Readonly<Record<string, string | number>>): void {
  inNetns(netns, () => {
    for (const [name, value] of Object.entries(settings)) write(name, String(value))
  })
}

function write(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value)
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new FairleadError('KERNEL_FEATURE', `Cannot set ${name} to ${value}: this kernel has no such setting`, {
      cause,
    })
  }
}
