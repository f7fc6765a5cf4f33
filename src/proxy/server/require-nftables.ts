import { FairleadError } from '../../base/error.ts'
import { requireKernel } from '../../linux/kernel.ts'
import { isErrno } from '../../linux/libc.ts'
import { NetlinkError } from '../../linux/netlink/socket.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'

/**
 * Makes sure that Services can be programmed here, before anything else is begun.
 *
 * @throws FairleadError `KERNEL_TOO_OLD`, `KERNEL_FEATURE` without nf_tables, `NOT_ROOT` without CAP_NET_ADMIN.
 */
export function requireNftables(netns?: string): void {
  requireKernel()
  readGeneration(() => {
    using kernel = NftSocket.open(netns)
    return kernel.generation()
  })
}

/** Asks nf_tables a question that changes nothing. */
export function readGeneration(ask: () => number): void {
  try {
    ask()
  } catch (cause) {
    if (isErrno(cause, 'EPERM') || (cause instanceof NetlinkError && cause.errno === 'EPERM')) {
      throw new FairleadError('NOT_ROOT', 'Cannot program Services as an ordinary user', {
        cause,
        hint: 'Run the command as root, or with the capability CAP_NET_ADMIN',
      })
    }
    // nfnetlink knows no subsystem of that number.
    if (cause instanceof NetlinkError && (cause.errno === 'EINVAL' || cause.errno === 'EOPNOTSUPP')) {
      throw new FairleadError('KERNEL_FEATURE', 'Cannot program Services: this kernel has no nf_tables', {
        cause,
        hint: 'Load it with modprobe nf_tables, or use a kernel with CONFIG_NF_TABLES',
      })
    }
    throw cause
  }
}
