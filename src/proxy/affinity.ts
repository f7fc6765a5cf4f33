/** Clients bound to endpoints that left (sessionAffinity: ClientIP). */
import { isNetlinkErrno } from '../linux/netlink/socket.ts'
import { NftBatch } from '../linux/nftables/batch.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { textOf } from './encoding.ts'
import type { FamilyTable } from './family-table.ts'

/** Who goes by itself in so many milliseconds is left to it: between listing and deleting it may be gone. */
const EXPIRING_MS = 1000

/**
 * Deletes what clients are bound to that is no endpoint any more. The packets themselves never follow such a binding;
 * this makes room, and lets an endpoint that comes back find nobody waiting.
 *
 * @returns Bindings deleted; undefined when packets were quicker, and it should be tried again.
 * @throws NetlinkError
 */
export function forgetDeadBindings(kernel: NftKernel, table: FamilyTable): number | undefined {
  const { affinity, ref } = table.layout
  if (kernel.table(ref) === undefined) return 0
  const batch = new NftBatch()
  for (const element of kernel.elements(affinity)) {
    if (element.expiration > 0 && element.expiration < EXPIRING_MS) continue
    const binding = Buffer.isBuffer(element.data) ? textOf(element.data) : ''
    if (table.maps.stickyEndpoints.get(binding) === undefined) batch.deleteElement(affinity, { key: element.key })
  }
  if (batch.size === 0) return 0
  try {
    kernel.commit(batch)
    return batch.size
  } catch (error) {
    if (isNetlinkErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
