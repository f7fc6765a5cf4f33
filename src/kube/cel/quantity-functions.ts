import { isFairleadError } from '../../base/error.ts'
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '../quantity.ts'
import type { Environment } from './engine.ts'
import { celError } from './evaluation-error.ts'
import { isVersion, SemanticVersion } from './semantic-version.ts'

const NANO = 1_000_000_000n

/** An amount as rules see it. */
class Amount {
  readonly quantity: Quantity
  constructor(quantity: Quantity) {
    this.quantity = quantity
  }
}

/** Functions of Kubernetes on quantities and versions (apiserver `library.Quantity`, `library.SemverLib`). */
export function registerQuantityFunctions(environment: Environment): void {
  const add = (signature: string, handler: (...args: never[]) => unknown) =>
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, { async: false })
  const type = 'kubernetes.Quantity'
  const compare = (a: Amount, b: Amount) => compareQuantities(a.quantity, b.quantity)
  environment.registerType(type, Amount)
  environment.registerOperator(`${type} == ${type}`, (a: Amount, b: Amount) => compare(a, b) === 0)
  add('isQuantity(string): bool', isQuantity)
  add(`quantity(string): ${type}`, amountOf)
  add(`${type}.sign(): int`, ({ quantity: { nanos } }: Amount) => BigInt(nanos > 0n) - BigInt(nanos < 0n))
  add(`${type}.isInteger(): bool`, ({ quantity }: Amount) => quantity.nanos % NANO === 0n)
  add(`${type}.asInteger(): int`, asInteger)
  add(`${type}.asApproximateFloat(): double`, ({ quantity }: Amount) => Number(quantity.nanos) / Number(NANO))
  add(`${type}.isGreaterThan(${type}): bool`, (a: Amount, b: Amount) => compare(a, b) > 0)
  add(`${type}.isLessThan(${type}): bool`, (a: Amount, b: Amount) => compare(a, b) < 0)
  add(`${type}.compareTo(${type}): int`, (a: Amount, b: Amount) => BigInt(compare(a, b)))
  add(`${type}.add(${type}): ${type}`, (a: Amount, b: Amount) => new Amount(addQuantities(a.quantity, b.quantity)))
  add(`${type}.add(int): ${type}`, (a: Amount, b: bigint) => new Amount(addQuantities(a.quantity, whole(b))))
  add(
    `${type}.sub(${type}): ${type}`,
    (a: Amount, b: Amount) => new Amount(addQuantities(a.quantity, minus(b.quantity))),
  )
  add(`${type}.sub(int): ${type}`, (a: Amount, b: bigint) => new Amount(addQuantities(a.quantity, whole(-b))))
  registerVersionFunctions(environment, add)
}

function registerVersionFunctions(
  environment: Environment,
  add: (signature: string, handler: (...args: never[]) => unknown) => void,
): void {
  const type = 'kubernetes.Semver'
  environment.registerType(type, SemanticVersion)
  environment.registerOperator(`${type} == ${type}`, (a: SemanticVersion, b: SemanticVersion) => a.compareTo(b) === 0)
  add('isSemver(string): bool', (text: string) => isVersion(text, false))
  add('isSemver(string, bool): bool', (text: string, normalize: boolean) => isVersion(text, normalize))
  add(`semver(string): ${type}`, (text: string) => new SemanticVersion(text, false))
  add(`semver(string, bool): ${type}`, (text: string, normalize: boolean) => new SemanticVersion(text, normalize))
  add(`${type}.major(): int`, (version: SemanticVersion) => version.numbers[0])
  add(`${type}.minor(): int`, (version: SemanticVersion) => version.numbers[1])
  add(`${type}.patch(): int`, (version: SemanticVersion) => version.numbers[2])
  add(`${type}.isLessThan(${type}): bool`, (a: SemanticVersion, b: SemanticVersion) => a.compareTo(b) < 0)
  add(`${type}.isGreaterThan(${type}): bool`, (a: SemanticVersion, b: SemanticVersion) => a.compareTo(b) > 0)
  add(`${type}.compareTo(${type}): int`, (a: SemanticVersion, b: SemanticVersion) => BigInt(a.compareTo(b)))
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch (error) {
    if (isFairleadError(error, 'INVALID_INPUT')) return false
    throw error
  }
}

function amountOf(text: string): Amount {
  return new Amount(parseQuantity(text))
}

function whole(count: bigint): Quantity {
  return { nanos: count * NANO, format: 'DecimalSI' }
}

function minus({ nanos, format }: Quantity): Quantity {
  return { nanos: -nanos, format }
}

function asInteger({ quantity: { nanos } }: Amount): bigint {
  if (nanos % NANO !== 0n) throw celError('cannot convert value to integer')
  return nanos / NANO
}
