import { InvalidArgumentError, Option } from 'commander'

/** A flag that may be written with its value, as `--flag=false`. */
export function flag(name: string, description: string): Option {
  return new Option(`${name} [boolean]`, description).argParser((text: string) => {
    if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Give true or false.')
    return text === 'true'
  })
}

/** A number of things: 0, 1, 2, ... */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Give a whole number.')
  return value
}

/** A whole number that may be below zero: who takes it says which it wants. */
export function signedNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `5m30s` in milliseconds. */
export function duration(text: string): number {
  if (!/^(\d+(ms|s|m|h))+$/.test(text)) throw new InvalidArgumentError('Give a duration such as 5m or 1m30s.')
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)]
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 0), 0)
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
