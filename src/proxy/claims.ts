/** Who of several Service ports that want one address and port gets it: the oldest Service, then the first by name. */
import type { PortPlan } from './service-plan.ts'

export interface Claim<T> {
  readonly owner: string
  /** Compared as text; the smallest wins. */
  readonly order: string
  readonly value: T
}

/** Orders claims: creation time, then name. */
export function claimOrder(plan: PortPlan): string {
  return `${plan.since} ${plan.namespace}/${plan.service}/${plan.name}/${plan.protocol}`
}

/** Claims by key. Nearly always there is one. */
export class Claims<T> {
  readonly #claims = new Map<string, Claim<T>[]>()

  get size(): number {
    return this.#claims.size
  }

  put(key: string, claim: Claim<T>): void {
    const others = this.#claims.get(key)?.filter(({ owner }) => owner !== claim.owner) ?? []
    const all = [...others, claim]
    if (all.length > 1) all.sort((a, b) => (a.order < b.order ? -1 : 1))
    this.#claims.set(key, all)
  }

  remove(key: string, owner: string): void {
    const rest = this.#claims.get(key)?.filter((claim) => claim.owner !== owner) ?? []
    if (rest.length === 0) this.#claims.delete(key)
    else this.#claims.set(key, rest)
  }

  winner(key: string): Claim<T> | undefined {
    return this.#claims.get(key)?.[0]
  }

  losers(key: string): readonly Claim<T>[] {
    return this.#claims.get(key)?.slice(1) ?? []
  }
}
