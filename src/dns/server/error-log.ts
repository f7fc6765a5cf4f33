import type { Clock } from '../../base/clock.ts'
import type { Consolidation, ErrorsConfig } from '../corefile/log-config.ts'

/** The directive `errors`: a line for each failure, or one for many that are alike. */
export class ErrorLog implements Disposable {
  readonly #config: ErrorsConfig
  readonly #write: (line: string) => void
  readonly #clock: Clock
  readonly #periods = new Map<Consolidation, Period>()

  constructor(config: ErrorsConfig, { write, clock }: { write: (line: string) => void; clock: Clock }) {
    this.#config = config
    this.#write = write
    this.#clock = clock
  }

  /** @param text `2 example.org. A: no answer` */
  add(text: string): void {
    const rule = this.#config.consolidate.find(({ pattern }) => pattern.test(text))
    if (rule === undefined) this.#tell('error', text)
    else this.#count(rule, text)
  }

  /** Tells what was counted so far. */
  [Symbol.dispose](): void {
    for (const [rule, { cancel }] of this.#periods) {
      cancel()
      this.#end(rule)
    }
  }

  #count(rule: Consolidation, text: string): void {
    const period = this.#periods.get(rule)
    if (period !== undefined) {
      period.count++
      return
    }
    if (rule.showFirst) this.#tell(rule.level, text)
    this.#periods.set(rule, { count: 1, cancel: this.#clock.after(rule.periodMs, () => this.#end(rule)) })
  }

  #end(rule: Consolidation): void {
    const { count = 0 } = this.#periods.get(rule) ?? {}
    this.#periods.delete(rule)
    if (count < (rule.showFirst ? 2 : 1)) return
    this.#tell(rule.level, `${count} errors like '${rule.pattern.source}' occurred in last ${rule.period}`)
  }

  #tell(level: Consolidation['level'], text: string): void {
    this.#write(`[${level.toUpperCase()}] plugin/errors: ${text}`)
  }
}

interface Period {
  count: number
  readonly cancel: () => void
}
