import { FairleadError } from '../base/error.ts'

/** How a quantity was written, and is written again: `1500m`, `1Gi` or `1e3`. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

/** An exact amount, as Kubernetes' `resource.Quantity`. */
export interface Quantity {
  /** In billionths, the finest that upstream knows. */
  readonly nanos: bigint
  readonly format: QuantityFormat
}

const NANO = 1_000_000_000n
/** Upstream caps at the largest 64-bit integer. */
const MAX_NANOS = (2n ** 63n - 1n) * NANO
const BINARY_UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
/** By thousands, from 10^-9. */
const DECIMAL_UNITS = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const SYNTAX = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE])([+-]?\d{1,4})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/

/**
 * Parses `250m`, `1.5Gi`, `2e3` and the like; fractions below a billionth are rounded away from zero.
 *
 * @throws FairleadError `INVALID_INPUT` with upstream's text.
 */
export function parseQuantity(text: string | number): Quantity {
  const match = SYNTAX.exec(String(text))
  if (match === null) {
    const pattern = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    throw new FairleadError('INVALID_INPUT', `quantities must match the regular expression ${pattern}, found "${text}"`)
  }
  const [, sign, digits = '', exponentSign, exponent, unit = ''] = match
  const [whole = '', fraction = ''] = digits.split('.')
  const mantissa = BigInt(whole + fraction)
  const power = exponentSign === undefined ? 0 : Number(exponent)
  const binary = BINARY_UNITS.indexOf(unit)
  const nanos =
    binary > 0
      ? scale(mantissa * 1024n ** BigInt(binary), 9 - fraction.length)
      : scale(mantissa, 9 + power + 3 * (DECIMAL_UNITS.indexOf(unit) - 3) - fraction.length)
  const capped = nanos > MAX_NANOS ? MAX_NANOS : nanos
  const format = binary > 0 ? 'BinarySI' : exponentSign === undefined ? 'DecimalSI' : 'DecimalExponent'
  return { nanos: sign === '-' ? -capped : capped, format }
}

/** The canonical text: no fraction, the largest unit that leaves none. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0'
  const isSmall = nanos > -1024n * NANO && nanos < 1024n * NANO
  if (format === 'BinarySI' && !isSmall && nanos % NANO === 0n) return formatBinary(nanos / NANO)
  return formatDecimal(nanos, format)
}

/** Negative, 0 or positive as `a` is smaller than, equal to or larger than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : Number(a.nanos > b.nanos)
}

/** The sum; written as `a` is. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

/** Whole units (bytes, pods), rounded away from zero as upstream's `Value()`. */
export function quantityValue({ nanos }: Quantity): number {
  return Number(divideAway(nanos, NANO))
}

/** Thousandths (of a CPU), rounded away from zero as upstream's `MilliValue()`. */
export function quantityMilliValue({ nanos }: Quantity): number {
  return Number(divideAway(nanos, 1_000_000n))
}

/**
 * An amount given as a number, or as per cent of a total (`"25%"`).
 *
 * @throws FairleadError `INVALID_INPUT` for any other text.
 */
export function resolveIntOrPercent(value: number | string, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const percent = /^(-?\d+)%$/.exec(value)?.[1]
  if (percent === undefined) {
    throw new FairleadError(
      'INVALID_INPUT',
      `invalid value for IntOrString: found "${value}", expected a number or a percentage`,
    )
  }
  const amount = (Number(percent) * total) / 100
  return round === 'up' ? Math.ceil(amount) : Math.floor(amount)
}

/** `value * 10^power`, rounded away from zero. */
function scale(value: bigint, power: number): bigint {
  return power >= 0 ? value * 10n ** BigInt(power) : divideAway(value, 10n ** BigInt(-power))
}

function divideAway(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  if (value % divisor === 0n) return quotient
  return value > 0n ? quotient + 1n : quotient - 1n
}

function formatBinary(value: bigint): string {
  let amount = value
  let unit = 0
  while (unit < BINARY_UNITS.length - 1 && amount % 1024n === 0n) {
    amount /= 1024n
    unit++
  }
  return `${amount}${BINARY_UNITS[unit]}`
}

function formatDecimal(nanos: bigint, format: QuantityFormat): string {
  let amount = nanos
  let unit = 0
  while (unit < DECIMAL_UNITS.length - 1 && amount % 1000n === 0n) {
    amount /= 1000n
    unit++
  }
  if (format !== 'DecimalExponent') return `${amount}${DECIMAL_UNITS[unit]}`
  const exponent = 3 * (unit - 3)
  return exponent === 0 ? String(amount) : `${amount}e${exponent}`
}
