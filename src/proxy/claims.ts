/** Who of several Service ports that want one address and port gets it: the oldest Service, then the first by name. */
import { type PortPlan, portKeyOf } from './service-plan.ts'

/** Who wants an address and port. */
export interface Claim {
  /** @see portKeyOf */
  readonly owner: string
  /** When its Service was created; RFC 3339, so that texts compare as times. */
  readonly since: string
}

export function claimOf(plan: PortPlan): Claim {
  return { owner: portKeyOf(plan), since: plan.since }
}

/** Whether `a` has what both want: the older one, of the same age the first by name. */
export function precedes(a: Claim, b: Claim): boolean {
  return a.since === b.since ? a.owner < b.owner : a.since < b.since
}

/** Claims by key. Nearly always there is one. */
export class Claims<T extends Claim> {
  readonly #winners = new Map<string, T>()
  readonly #losers = new Map<string, readonly T[]>()

  put(key: string, claim: T): void {
    const winner = this.#winners.get(key)
    if (winner === undefined || (winner.owner === claim.owner && !this.#losers.has(key))) this.#winners.set(key, claim)
    else this.#rank(key, [...this.#others(key, claim.owner), claim])
  }

  remove(key: string, owner: string): void {
    this.#rank(key, this.#others(key, owner))
  }

  winner(key: string): T | undefined {
    return this.#winners.get(key)
  }

  #others(key: string, owner: string): T[] {
    const winner = this.#winners.get(key)
    const all = winner === undefined ? [] : [winner, ...(this.#losers.get(key) ?? [])]
    return all.filter((claim) => claim.owner !== owner)
  }

  #rank(key: string, claims: T[]): void {
    const [winner, ...losers] = claims.sort((a, b) => (precedes(a, b) ? -1 : 1))
    if (winner === undefined) this.#winners.delete(key)
    else this.#winners.set(key, winner)
    if (losers.length === 0) this.#losers.delete(key)
    else this.#losers.set(key, losers)
  }
}
