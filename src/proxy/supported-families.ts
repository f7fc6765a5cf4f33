import { FairleadError } from '../base/error.ts'
import { isNetlinkErrno } from '../linux/netlink/socket.ts'
import { NftBatch } from '../linux/nftables/batch.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { FAMILIES, type Family } from './service-plan.ts'

/**
 * The families that the kernel has nf_tables for: one built without IPv6 takes no table of `ip6`. Found out with a table
 * that is made and deleted in one transaction.
 *
 * @throws FairleadError `KERNEL_FEATURE` when there is none.
 */
export function supportedFamilies(kernel: NftKernel, table: string): readonly Family[] {
  const supported = FAMILIES.filter(
    (family) => kernel.table({ family, table }) !== undefined || takes(kernel, family, table),
  )
  if (supported.length > 0) return supported
  throw new FairleadError('KERNEL_FEATURE', 'Cannot keep Services: the kernel has nf_tables neither for IPv4 nor IPv6')
}

function takes(kernel: NftKernel, family: Family, table: string): boolean {
  const batch = new NftBatch()
  batch.destroyTable({ family, table: `${table}-probe` })
  try {
    kernel.commit(batch)
    return true
  } catch (error) {
    if (isNetlinkErrno(error, 'EOPNOTSUPP') || isNetlinkErrno(error, 'EAFNOSUPPORT')) return false
    throw error
  }
}
