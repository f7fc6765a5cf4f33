import { FairleadError } from '../base/error.ts'

/** How Terway keeps addresses ready on a node, where it differs from its defaults. */
export interface PoolSizes {
  /** `min_pool_size`: so many addresses are free at any time. */
  readonly minFree?: number
  /** `max_pool_size`: more free ones go back to the vSwitch. */
  readonly maxFree?: number
  /** `max_eni`: secondary interfaces of a node at most, where its type allows more. */
  readonly interfaces?: number
}

/** The members of Terway's `eni-config` that a cluster can be made with. */
export interface PoolOptions {
  /** @default 0 */
  readonly minPoolSize?: number
  /** @default 5 */
  readonly maxPoolSize?: number
  /** @default what the instance type allows */
  readonly maxEni?: number
}

/**
 * @param defaults What counts for sizes that are not given.
 * @throws FairleadError `USAGE`
 */
export function poolSizes(
  { minPoolSize, maxPoolSize, maxEni }: PoolOptions,
  defaults: { readonly minFree: number; readonly maxFree: number },
): PoolSizes | undefined {
  for (const [flag, value, least] of [
    ['--min-pool-size', minPoolSize, 0],
    ['--max-pool-size', maxPoolSize, 0],
    ['--max-eni', maxEni, 1],
  ] as const) {
    if (value === undefined || (Number.isInteger(value) && value >= least)) continue
    throw new FairleadError('USAGE', `Cannot run Terway with ${flag}=${value}: give a whole number from ${least} on`)
  }
  const [min, max] = [minPoolSize ?? defaults.minFree, maxPoolSize ?? defaults.maxFree]
  if (min > max) {
    const wanted = 'give a --max-pool-size that is not smaller'
    throw new FairleadError('USAGE', `Cannot keep ${min} addresses ready and at most ${max}: ${wanted}`)
  }
  if (minPoolSize === undefined && maxPoolSize === undefined && maxEni === undefined) return undefined
  return {
    ...(minPoolSize === undefined ? {} : { minFree: minPoolSize }),
    ...(maxPoolSize === undefined ? {} : { maxFree: maxPoolSize }),
    ...(maxEni === undefined ? {} : { interfaces: maxEni }),
  }
}
