/** CPU time used so far, by name, at one moment. */
interface Sample {
  readonly time: number
  readonly nanoseconds: number
}

/** A rate is taken over so long at least. */
const WINDOW_MS = 5_000
const MS_PER_SECOND = 1000

/** From CPU time used so far to how much is used now, between two times of asking. */
export class UsageRates {
  readonly #samples = new Map<string, { readonly before: Sample; readonly latest: Sample }>()

  /**
   * Billionths of a core in use.
   *
   * @param since When the count began, in milliseconds since the epoch: the rate is from then when it is asked first.
   */
  rate(name: string, latest: Sample, since: number): number {
    const known = this.#samples.get(name)
    const old = known === undefined || known.latest.nanoseconds > latest.nanoseconds ? undefined : known
    const start = { time: since, nanoseconds: 0 }
    const before = old === undefined ? start : latest.time - old.latest.time >= WINDOW_MS ? old.latest : old.before
    this.#samples.set(name, { before, latest: before === old?.before ? old.latest : latest })
    const milliseconds = Math.max(1, latest.time - before.time)
    return Math.round(((latest.nanoseconds - before.nanoseconds) / milliseconds) * MS_PER_SECOND)
  }

  /** Forgets all other names. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#samples.keys()) if (!names.has(name)) this.#samples.delete(name)
  }
}
