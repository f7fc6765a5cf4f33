import type { Random } from '../context.ts'

/** Numbers `first` to `last`, both included. */
export interface Band {
  readonly first: bigint
  readonly last: bigint
}

/** The largest random offset that is asked for; larger bands (IPv6 ranges up to /64) are entered below it. */
const RANDOM_LIMIT = 2n ** 40n

/** How a range is divided: `share`, but at least `min` and at most `max`, is left to those who ask for numbers. */
export interface BandSizes {
  readonly min: number
  readonly max: number
  readonly share: number
}

/** How many of a range's numbers are left to those who ask for them; none of a small range (KEP-3070, KEP-3668). */
export function staticBandSize(rangeSize: bigint, { min, max, share }: BandSizes): bigint {
  if (rangeSize <= BigInt(min)) return 0n
  const part = rangeSize / BigInt(share)
  return part < min ? BigInt(min) : part > max ? BigInt(max) : part
}

/** The part for automatic choice first, then the part that is left to those who ask for numbers. */
export function preferredBands(all: Band, staticSize: bigint): readonly Band[] {
  const border = all.first + staticSize
  const bands = [
    { first: border, last: all.last },
    { first: all.first, last: border - 1n },
  ]
  return bands.filter(({ first, last }) => first <= last)
}

/** A free number of the first band that has one: the next one from a random place on. `undefined` when all are taken. */
export function pickFree(
  bands: readonly Band[],
  random: Random,
  isFree: (candidate: bigint) => boolean,
): bigint | undefined {
  for (const { first, last } of bands) {
    const size = last - first + 1n
    const start = BigInt(random.below(Number(size < RANDOM_LIMIT ? size : RANDOM_LIMIT)))
    for (let step = 0n; step < size; step++) {
      const candidate = first + ((start + step) % size)
      if (isFree(candidate)) return candidate
    }
  }
  return undefined
}
