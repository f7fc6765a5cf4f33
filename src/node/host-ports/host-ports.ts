import { ConntrackSocket } from '../../linux/conntrack.ts'
import { ensureFixedTable } from '../../linux/fixed-table.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import type { Element, NftSet } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { writeSysctls } from '../../linux/sysctl.ts'
import { type HostPortLayout, hostPortElements, hostPortLayout } from './host-port-layout.ts'
import type { HostPort } from './host-port-plan.ts'

interface Placed {
  readonly set: NftSet
  readonly element: Element
}

/**
 * Leads ports of the node to pods, by elements of a table of its own that outlives the agent. The first pod that asks
 * for a port has it; another's is put in its place when that one goes.
 */
export class HostPorts implements Disposable {
  readonly #socket: NftSocket
  readonly #netns: string | undefined
  readonly #layouts = new Map<4 | 6, HostPortLayout>()
  /** What each pod has asked for, in the order in which they came. */
  readonly #wanted = new Map<string, ReadonlyMap<string, Placed>>()
  /** What the kernel holds. */
  readonly #held = new Map<string, Placed>()

  /** @param netns Path of the node's network namespace; the process' own when left out. */
  constructor(netns?: string) {
    this.#socket = NftSocket.open(netns)
    this.#netns = netns
    for (const family of [4, 6] as const) this.#layouts.set(family, this.#install(family, netns))
  }

  /** Leads these ports to a pod. Those of the same pod before are replaced. */
  publish(uid: string, name: string, ports: readonly HostPort[]): void {
    if (ports.length === 0 && !this.#wanted.has(uid)) return
    const elements = ports.flatMap((port) => {
      const layout = this.#layouts.get(port.family)
      return layout === undefined ? [] : hostPortElements(layout, port, name)
    })
    this.#wanted.set(uid, new Map(elements.map((placed) => [keyOf(placed), placed])))
    this.#sync()
  }

  /** Unknown is fine. */
  withdraw(uid: string): void {
    if (this.#wanted.delete(uid)) this.#sync()
  }

  /** Forgets what no pod has asked for since the start: pods that went while no agent ran. */
  prune(): void {
    this.#sync()
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #install(family: 4 | 6, netns: string | undefined): HostPortLayout {
    const layout = hostPortLayout(family)
    ensureFixedTable(this.#socket, layout)
    for (const set of layout.sets) {
      for (const { key, data } of this.#socket.elements(set)) {
        const element: Element = data === undefined ? { key } : { key, data }
        this.#held.set(keyOf({ set, element }), { set, element })
      }
    }
    // Otherwise what comes from 127.0.0.1 could never leave for a pod; the table keeps others from coming in by it.
    if (family === 4) writeSysctls(netns, { 'net/ipv4/conf/all/route_localnet': 1 })
    return layout
  }

  /** A flow of datagrams never ends: one that was led elsewhere, or nowhere, before would go on to be. */
  #forgetDatagrams(changed: readonly Placed[]): void {
    const ports = new Set(changed.flatMap((placed) => datagramPort(placed) ?? []))
    if (ports.size === 0) return
    using conntrack = ConntrackSocket.open(this.#netns)
    const pods = new Set(changed.map(({ element }) => bytesOf(element).subarray(0, -4).toString('hex')))
    for (const family of ['ip', 'ip6'] as const) {
      for (const entry of conntrack.list(family, UDP)) {
        const { original, reply } = entry
        const untranslated = reply.source.equals(original.destination)
        const stale = untranslated || pods.has(reply.source.toString('hex'))
        if (stale && ports.has(original.destinationPort)) conntrack.delete(entry)
      }
    }
  }

  #sync(): void {
    const wanted = new Map<string, Placed>()
    for (const placed of this.#wanted.values()) {
      for (const [key, each] of placed) if (!wanted.has(key)) wanted.set(key, each)
    }
    const gone = [...this.#held].filter(([key, held]) => !sameData(wanted.get(key), held))
    const fresh = [...wanted].filter(([key, each]) => !sameData(this.#held.get(key), each))
    if (gone.length + fresh.length === 0) return
    const batch = new NftBatch()
    for (const [, { set, element }] of gone) batch.deleteElement(set, { key: element.key })
    for (const [, { set, element }] of fresh) batch.addElement(set, element)
    this.#socket.commit(batch)
    this.#forgetDatagrams([...gone, ...fresh].map(([, placed]) => placed))
    for (const [key] of gone) this.#held.delete(key)
    for (const [key, each] of fresh) this.#held.set(key, each)
  }
}

const UDP = 17

/** The port of the node that an element leads from, of UDP. */
function datagramPort({ set, element }: Placed): number | undefined {
  if (set.name === 'hairpins') return undefined
  const key = Buffer.from(element.key)
  return key[key.length - 8] === UDP ? key.readUInt16BE(key.length - 4) : undefined
}

function keyOf({ set, element }: Placed): string {
  return `${set.family} ${set.name} ${Buffer.from(element.key).toString('hex')}`
}

function sameData(a: Placed | undefined, b: Placed): boolean {
  return a !== undefined && bytesOf(a.element).equals(bytesOf(b.element))
}

function bytesOf({ data }: Element): Buffer {
  return data instanceof Uint8Array ? Buffer.from(data) : Buffer.alloc(0)
}
