import { requireAddress } from '../../base/ip.ts'
import { isNetlinkErrno } from '../../linux/netlink/socket.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import type { NamedRef } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { layoutOf } from '../../proxy/layout.ts'

/**
 * Session affinity of a node's proxy while a packet is traced: who was bound stays bound, and who was not is not bound
 * by the trace.
 */
export class AffinityGuard implements Disposable {
  readonly #socket: NftSocket
  readonly #set: NamedRef
  readonly #before: ReadonlySet<string>
  /** Length of an address. */
  readonly #bytes: number

  constructor(netns: string, family: 'ip' | 'ip6') {
    this.#socket = NftSocket.open(netns)
    this.#bytes = family === 'ip' ? 4 : 16
    this.#set = layoutOf(family, 'fairlead').affinity
    this.#before = new Set(this.#keys().map((key) => key.toString('latin1')))
  }

  /** Takes away what binds this client since the guard was made. */
  unbind(client: string): void {
    const source = requireAddress(client)
    if (source.length !== this.#bytes) return
    const added = this.#keys().filter(
      (key) => key.subarray(0, source.length).equals(source) && !this.#before.has(key.toString('latin1')),
    )
    if (added.length === 0) return
    const batch = new NftBatch()
    for (const key of added) batch.deleteElement(this.#set, { key })
    try {
      this.#socket.commit(batch)
    } catch (error) {
      // It has come to its end by itself.
      if (!isNetlinkErrno(error, 'ENOENT')) throw error
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #keys(): Buffer[] {
    return this.#socket.elements(this.#set).map(({ key }) => key)
  }
}
