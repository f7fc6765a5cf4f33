import { celError } from './evaluation-error.ts'
import { celCompare } from './values-equal.ts'

const SYNTAX = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/

/** A version of https://semver.org, 2.0.0. */
export class SemanticVersion {
  readonly numbers: readonly [bigint, bigint, bigint]
  readonly #before: readonly string[]

  /** @param normalize Take `v1.02` for `1.2.0`. @throws FairleadError `INVALID_INPUT` */
  constructor(text: string, normalize: boolean) {
    const match = SYNTAX.exec(normalize ? normalized(text) : text)
    if (match === null) throw celError(`invalid semver ${JSON.stringify(text)}`)
    const [, major = '0', minor = '0', patch = '0', before] = match
    this.numbers = [BigInt(major), BigInt(minor), BigInt(patch)]
    this.#before = before?.split('.') ?? []
  }

  /** -1, 0 or 1; builds do not count, and a version goes behind those that lead to it. */
  compareTo(other: SemanticVersion): number {
    for (const [index, number] of this.numbers.entries()) {
      const order = celCompare(number, other.numbers[index])
      if (order !== 0) return order
    }
    return compareBefore(this.#before, other.#before)
  }
}

/** Whether a text is a version; see {@link SemanticVersion}. */
export function isVersion(text: string, normalize: boolean): boolean {
  return SYNTAX.test(normalize ? normalized(text) : text)
}

function normalized(text: string): string {
  const [, core = '', rest = ''] = /^v?([^-+]*)(.*)$/.exec(text) ?? []
  const numbers = core.split('.').map((each) => each.replace(/^0+(?=\d)/, ''))
  return [...numbers, '0', '0'].slice(0, Math.max(3, numbers.length)).join('.') + rest
}

function compareBefore(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length)
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const order = compareIdentifiers(a[index] ?? '', b[index] ?? '')
    if (order !== 0) return order
  }
  return Math.sign(a.length - b.length)
}

function compareIdentifiers(a: string, b: string): number {
  const numbers = [a, b].map((each) => /^\d+$/.test(each))
  if (numbers[0] && numbers[1]) return celCompare(BigInt(a), BigInt(b))
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1
  return celCompare(a, b)
}
