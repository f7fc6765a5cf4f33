import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../base/error.ts'
import {
  addressOffset,
  type Cidr,
  cidrSize,
  formatAddress,
  formatCidr,
  nthAddress,
  parseAddress,
} from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import type { PodIdentity } from '../pod-network.ts'

/** The network's own address and the gateway's come before the first pod's. */
const FIRST_POD = 2n

/** Addresses of one pod, as kept in its file. */
export interface Reservation extends PodIdentity {
  /** One per range, in their order. */
  readonly addresses: readonly string[]
}

export interface HostLocalIpamOptions {
  /** Ranges of the node's pods, one per address family. */
  readonly cidrs: readonly Cidr[]
  /** One file per pod, named by its uid. */
  readonly directory: string
  readonly log: Log
}

/**
 * Addresses of a node's pods. Each is given out again as late as possible. What is reserved is in a file before anybody
 * uses it; files need not survive the machine, since pods do not either.
 */
export class HostLocalIpam {
  readonly #cidrs: readonly Cidr[]
  readonly #directory: string
  readonly #reservations = new Map<string, Reservation>()
  /** Of each range: the numbers taken, and the one given last. */
  readonly #ranges: { readonly taken: Set<bigint>; last: bigint }[]

  constructor({ cidrs, directory, log }: HostLocalIpamOptions) {
    this.#cidrs = cidrs
    this.#directory = directory
    this.#ranges = cidrs.map(() => ({ taken: new Set(), last: FIRST_POD - 1n }))
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#load(log)
  }

  /** Pods that have addresses. */
  uids(): string[] {
    return [...this.#reservations.keys()]
  }

  /**
   * The addresses of a pod: those that it has, or free ones.
   *
   * @throws FairleadError `INVALID_INPUT` when a range has none left.
   */
  reserve(pod: PodIdentity): Reservation {
    const known = this.#reservations.get(pod.uid)
    if (known !== undefined) return known
    const numbers = this.#cidrs.map((cidr, i) => this.#choose(cidr, i))
    const addresses = this.#cidrs.map((cidr, i) => formatAddress(nthAddress(cidr, numbers[i] ?? 0n)))
    const reservation = { namespace: pod.namespace, name: pod.name, uid: pod.uid, addresses }
    this.#write(reservation)
    this.#remember(reservation)
    for (const [i, range] of this.#ranges.entries()) range.last = numbers[i] ?? range.last
    return reservation
  }

  /** Gives a pod's addresses back; false when it had none. */
  release(uid: string): boolean {
    const reservation = this.#reservations.get(uid)
    if (reservation === undefined) return false
    rmSync(this.#file(uid), { force: true })
    this.#reservations.delete(uid)
    for (const [i, range] of this.#ranges.entries()) range.taken.delete(this.#number(reservation, i))
    return true
  }

  #choose(cidr: Cidr, i: number): bigint {
    const range = this.#ranges[i]
    const free = range && nextFree(range.taken, { after: range.last, end: lastPod(cidr) })
    if (free !== undefined) return free
    throw new FairleadError(
      'INVALID_INPUT',
      `No address of ${formatCidr(cidr)} is free: ${range?.taken.size} pods have one`,
    )
  }

  #remember(reservation: Reservation): void {
    this.#reservations.set(reservation.uid, reservation)
    for (const [i, range] of this.#ranges.entries()) range.taken.add(this.#number(reservation, i))
  }

  #number(reservation: Reservation, i: number): bigint {
    const cidr = this.#cidrs[i]
    const bytes = parseAddress(reservation.addresses[i] ?? '')
    return (cidr && bytes && addressOffset(cidr, bytes)) ?? -1n
  }

  #file(uid: string): string {
    return join(this.#directory, `${encodeURIComponent(uid)}.json`)
  }

  #write(reservation: Reservation): void {
    const temporary = join(this.#directory, '.new')
    writeFileSync(temporary, JSON.stringify(reservation), { mode: 0o600 })
    renameSync(temporary, this.#file(reservation.uid))
  }

  #load(log: Log): void {
    for (const file of readdirSync(this.#directory)) {
      if (!file.endsWith('.json')) continue
      const reservation = readReservation(readFileSync(join(this.#directory, file), 'utf8'))
      if (reservation !== undefined && this.#isOurs(reservation)) {
        this.#remember(reservation)
        continue
      }
      log.warn({ file }, 'Dropped a reservation that cannot be read or is of another range')
      rmSync(join(this.#directory, file))
    }
    // Go on after the highest: the lower ones were given back longer ago.
    for (const range of this.#ranges) for (const taken of range.taken) if (taken > range.last) range.last = taken
  }

  #isOurs(reservation: Reservation): boolean {
    if (reservation.addresses.length !== this.#cidrs.length) return false
    return this.#ranges.every((range, i) => {
      const number = this.#number(reservation, i)
      return number >= FIRST_POD && !range.taken.has(number)
    })
  }
}

/** The next number that is not taken, going round from `after` between the first pod's and `end`. */
export function nextFree(taken: ReadonlySet<bigint>, range: { after: bigint; end: bigint }): bigint | undefined {
  const span = range.end - FIRST_POD + 1n
  const limit = BigInt(taken.size) + 1n < span ? BigInt(taken.size) + 1n : span
  for (let step = 0n; step < limit; step++) {
    const number = FIRST_POD + ((range.after - FIRST_POD + 1n + step) % span)
    if (!taken.has(number)) return number
  }
  return undefined
}

/** IPv4 ends with the broadcast address. */
function lastPod(cidr: Cidr): bigint {
  return cidrSize(cidr) - (cidr.family === 4 ? 2n : 1n)
}

function readReservation(text: string): Reservation | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The machine went down before the content was on disk.
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { namespace, name, uid, addresses } = value as Partial<Reservation>
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined
  if (!Array.isArray(addresses) || !addresses.every((address) => typeof address === 'string')) return undefined
  return { namespace, name, uid, addresses }
}
