import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { FairleadError } from '../base/error.ts'
import { isErrno } from './libc.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink/socket.ts'

/** Major and minor number. */
export type KernelVersion = readonly [major: number, minor: number]

/** The oldest kernel that has all that Fairlead asks for. */
export const OLDEST_KERNEL: KernelVersion = [5, 15]

/**
 * The version in a release such as `6.18.44-generic`.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function parseKernelVersion(text: string): KernelVersion {
  const match = /^(\d+)\.(\d+)/.exec(text)
  if (match === null) throw new FairleadError('INVALID_INPUT', `"${text}" is not the release of a Linux kernel`)
  return [Number(match[1]), Number(match[2])]
}

/**
 * Makes sure that the running kernel can carry a cluster, as far as that costs nothing to know. Missing kinds of links
 * are reported by the call that creates one.
 *
 * @throws FairleadError `KERNEL_TOO_OLD`, `KERNEL_FEATURE`
 */
export function requireKernel(running: string = release()): void {
  requireVersion(running)
  if (!existsSync('/proc/self/ns/net')) throw missing('network namespaces', 'CONFIG_NET_NS')
  try {
    new NetlinkSocket(NETLINK_NETFILTER)[Symbol.dispose]()
  } catch (error) {
    if (isErrno(error, 'EPROTONOSUPPORT')) throw missing('nftables', 'CONFIG_NF_TABLES')
    throw error
  }
}

function requireVersion(running: string): void {
  const [major, minor] = parseKernelVersion(running)
  const [oldMajor, oldMinor] = OLDEST_KERNEL
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return
  throw new FairleadError(
    'KERNEL_TOO_OLD',
    `This machine runs Linux ${running}; wanted is ${oldMajor}.${oldMinor} or newer`,
  )
}

function missing(what: string, option: string): FairleadError {
  return new FairleadError('KERNEL_FEATURE', `This kernel (Linux ${release()}) has no ${what}`, {
    hint: `Load the module, or use a kernel built with ${option}`,
  })
}
