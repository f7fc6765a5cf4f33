/** Who of several Service ports that want one address and port gets it: the oldest Service, then the first by name. */
import type { PortPlan } from './service-plan.ts'

export interface Claim<T> {
  readonly owner: string
  /** Compared as text; the smallest wins. */
  readonly order: string
  readonly value: T
}

/** Orders claims: creation time, then name. In one piece: what is put together with `+` is kept as its pieces. */
export function claimOrder({ since, namespace, service, name, protocol }: PortPlan): string {
  return [since, ' ', namespace, '/', service, '/', name, '/', protocol].join('')
}

/** Claims by key. Nearly always there is one. */
export class Claims<T> {
  readonly #winners = new Map<string, Claim<T>>()
  readonly #losers = new Map<string, readonly Claim<T>[]>()

  put(key: string, claim: Claim<T>): void {
    const winner = this.#winners.get(key)
    if (winner === undefined || (winner.owner === claim.owner && !this.#losers.has(key))) this.#winners.set(key, claim)
    else this.#rank(key, [...this.#others(key, claim.owner), claim])
  }

  remove(key: string, owner: string): void {
    this.#rank(key, this.#others(key, owner))
  }

  winner(key: string): Claim<T> | undefined {
    return this.#winners.get(key)
  }

  #others(key: string, owner: string): Claim<T>[] {
    const winner = this.#winners.get(key)
    const all = winner === undefined ? [] : [winner, ...(this.#losers.get(key) ?? [])]
    return all.filter((claim) => claim.owner !== owner)
  }

  #rank(key: string, claims: Claim<T>[]): void {
    const [winner, ...losers] = claims.sort((a, b) => (a.order < b.order ? -1 : 1))
    if (winner === undefined) this.#winners.delete(key)
    else this.#winners.set(key, winner)
    if (losers.length === 0) this.#losers.delete(key)
    else this.#losers.set(key, losers)
  }
}
