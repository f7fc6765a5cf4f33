import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { errorMessage, FairleadError, systemErrorCode } from '../../base/error.ts'
import { canonicalAddress } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import type { WeightsConfig } from '../corefile/service-config.ts'
import { canonicalName } from '../wire/name.ts'

/** By name, by address: 1 to 255. */
export type WeightTable = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Reads a weight file: a line with a name, then a line for each of its addresses.
 * Source: CoreDNS plugin/loadbalance/README.md, Weightfile
 *
 * @param file Its name in errors.
 * @throws FairleadError `INVALID_INPUT` with the line.
 */
export function parseWeights(text: string, file: string): WeightTable {
  const table = new Map<string, Map<string, number>>()
  let current: Map<string, number> | undefined
  for (const [i, line] of text.split('\n').entries()) {
    const fields = line.trim().split(/\s+/)
    const [first = '', weight] = fields
    if (first === '' || first.startsWith('#')) continue
    const wrong = (what: string) => new FairleadError('INVALID_INPUT', `${file}:${i + 1} - ${what}`)
    const address = canonicalAddress(first)
    if (fields.length === 1) {
      if (address !== undefined) throw wrong(`wrong domain name: "${first}" (Maybe a missing weight value?)`)
      const name = canonicalName(first)
      current = table.get(name) ?? new Map()
      table.set(name, current)
    } else if (fields.length > 2) throw wrong(`could not parse weight line: "${line.trim()}"`)
    else if (address === undefined) throw wrong(`wrong IP address: "${first}"`)
    else if (!/^\d{1,3}$/.test(weight ?? '') || Number(weight) < 1 || Number(weight) > 255) {
      throw wrong(`wrong weight value: "${weight}"; wanted is 1 to 255`)
    } else if (current === undefined) throw wrong('missing domain name')
    else current.set(address, Number(weight))
  }
  return table
}

/** A weight file that is read again from time to time; what cannot be read leaves what was there. */
export class Weights implements Disposable {
  readonly #config: WeightsConfig
  readonly #log: Log
  readonly #clock: Clock
  #table: WeightTable = new Map()
  #text = ''
  #cancel = () => {}

  /** @throws FairleadError `INVALID_INPUT` for a file that is none; `NOT_FOUND` when it is missing and not read again. */
  constructor(config: WeightsConfig, { log, clock }: { readonly log: Log; readonly clock: Clock }) {
    this.#config = config
    this.#log = log
    this.#clock = clock
    this.#first()
    this.#later()
  }

  /** Of an address of a name (both canonical); 1 for those that the file does not have. */
  of(name: string, address: string): number {
    return this.#table.get(name)?.get(address) ?? 1
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }

  #first(): void {
    try {
      this.#read()
    } catch (error) {
      const { file, reloadMs } = this.#config
      if (systemErrorCode(error) === undefined) throw error
      if (reloadMs === 0) throw new FairleadError('NOT_FOUND', `Cannot read the weight file ${file}`, { cause: error })
      this.#log.warn({ file, reason: errorMessage(error) }, 'Cannot read the weight file; it is tried again')
    }
  }

  #later(): void {
    if (this.#config.reloadMs === 0) return
    this.#cancel = this.#clock.after(this.#config.reloadMs, () => {
      try {
        this.#read()
      } catch (error) {
        this.#log.error({ file: this.#config.file, reason: errorMessage(error) }, 'Weight file cannot be used')
      }
      this.#later()
    })
  }

  #read(): void {
    const text = readFileSync(this.#config.file, 'utf8')
    if (text === this.#text) return
    this.#table = parseWeights(text, this.#config.file)
    this.#text = text
  }
}
