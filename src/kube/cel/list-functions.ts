import type { Environment } from './engine.ts'
import { celError } from './evaluation-error.ts'
import { celCompare, celEqual } from './values-equal.ts'

class Sets {}
type List = readonly unknown[]

const ORDERED = ['int', 'double', 'string', 'bool', 'google.protobuf.Timestamp', 'google.protobuf.Duration']

/** Functions on lists of Kubernetes (apiserver `library.Lists`) and on sets (cel-go `ext.Sets`). */
export function registerListFunctions(environment: Environment): void {
  const add = (signature: string, handler: (...args: never[]) => unknown) =>
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, { async: false })
  for (const type of ORDERED) {
    add(`list<${type}>.isSorted(): bool`, isSorted)
    add(`list<${type}>.min(): ${type}`, (list: List) => extreme(list, -1))
    add(`list<${type}>.max(): ${type}`, (list: List) => extreme(list, 1))
  }
  add('list<int>.sum(): int', (list: readonly bigint[]) => list.reduce((sum, each) => sum + each, 0n))
  add('list<double>.sum(): double', (list: readonly number[]) => list.reduce((sum, each) => sum + each, 0))
  add('list<T>.indexOf(T): int', (list: List, wanted: unknown) =>
    BigInt(list.findIndex((each) => celEqual(each, wanted))),
  )
  add('list<T>.lastIndexOf(T): int', (list: List, wanted: unknown) =>
    BigInt(list.findLastIndex((each) => celEqual(each, wanted))),
  )
  environment.registerType('Sets', Sets)
  environment.registerConstant('sets', 'Sets', new Sets())
  const within = (a: List, b: List) => a.every((each) => b.some((other) => celEqual(each, other)))
  add('Sets.contains(list<T>, list<T>): bool', (_: Sets, a: List, b: List) => within(b, a))
  add('Sets.equivalent(list<T>, list<T>): bool', (_: Sets, a: List, b: List) => within(a, b) && within(b, a))
  add('Sets.intersects(list<T>, list<T>): bool', (_: Sets, a: List, b: List) =>
    a.some((each) => b.some((other) => celEqual(each, other))),
  )
}

function isSorted(list: List): boolean {
  return list.every((each, index) => index === 0 || celCompare(list[index - 1], each) <= 0)
}

function extreme(list: List, sign: -1 | 1): unknown {
  if (list.length === 0) throw celError(`${sign === 1 ? 'max' : 'min'} called on empty list`)
  return list.reduce((best, each) => (celCompare(each, best) === sign ? each : best))
}
