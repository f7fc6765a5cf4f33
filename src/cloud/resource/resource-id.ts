import { randomInt } from 'node:crypto'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const RANDOM_LETTERS = 17

/** Starts of ids, by the kind of resource. */
export type IdPrefix =
  | 'lb'
  | 'nlb'
  | 'rsp'
  | 'sgp'
  | 'lsn'
  | 'acl'
  | 'de'
  | 'eip'
  | 'eni'
  | 'i'
  | 'sg'
  | 'sgr'
  | 'vpc'
  | 'vsw'
  | 'vtb'
  | 'rte'
  | 'ngw'
  | 'stb'
  | 'snat'
  | 'job'

/** A new id such as `lb-bp1b6c719dfa08exfuca5`: the prefix, the region's letters, 17 random ones. */
export function newResourceId(prefix: IdPrefix): string {
  const random = Array.from({ length: RANDOM_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('')
  return `${prefix}-bp1${random}`
}
