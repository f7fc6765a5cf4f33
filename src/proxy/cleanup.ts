import { NftBatch } from '../linux/nftables/batch.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { OWNER_COMMENT } from './layout.ts'
import { FAMILIES } from './service-plan.ts'

/**
 * Deletes what the proxy left in the kernel. Tables of the same name that are somebody else's stay.
 *
 * @param netns Path of the node's network namespace; the caller's own when left out.
 * @returns How many tables were deleted.
 */
export function cleanup(netns?: string, table = 'fairlead'): number {
  using kernel = NftSocket.open(netns)
  return deleteOwnTables(kernel, table)
}

export function deleteOwnTables(kernel: NftKernel, table: string): number {
  const batch = new NftBatch()
  for (const family of FAMILIES) {
    const ref = { family, table }
    if (kernel.table(ref)?.comment === OWNER_COMMENT) batch.deleteTable(ref)
  }
  const tables = batch.size
  kernel.commit(batch)
  return tables
}
