import type { FieldError } from '../kind.ts'
import { duplicate, forbidden, invalid, notSupported, required, tooLong, tooMany } from './field-error.ts'

/**
 * Gathers what is wrong with an object, in the order in which it is found. Rules name fields relative to what they look
 * at; `within` and `each` put the rest of the path in front when there is something to say, so that an object in order
 * costs no paths.
 */
export class Findings {
  readonly #errors: FieldError[] = []

  get errors(): readonly FieldError[] {
    return this.#errors
  }

  get count(): number {
    return this.#errors.length
  }

  /** Checks the value of a field, if there is one. */
  within<T>(value: T | undefined, field: string, check: (value: T, found: this) => void): void {
    if (value === undefined) return
    const before = this.#errors.length
    check(value, this)
    if (this.#errors.length > before) this.#putUnder(before, field)
  }

  /** Checks each item of a list. */
  each<T>(list: readonly T[] | undefined, field: string, check: (item: T, found: this, index: number) => void): void {
    list?.forEach((item, index) => {
      const before = this.#errors.length
      check(item, this, index)
      if (this.#errors.length > before) this.#putUnder(before, `${field}[${index}]`)
    })
  }

  add(errors: readonly FieldError[]): void {
    if (errors.length > 0) this.#errors.push(...errors)
  }

  required(field: string, detail = ''): void {
    this.#errors.push(required(field, detail))
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.#errors.push(invalid(field, value, detail))
  }

  duplicate(field: string, value: unknown): void {
    this.#errors.push(duplicate(field, value))
  }

  forbidden(field: string, detail: string): void {
    this.#errors.push(forbidden(field, detail))
  }

  notFound(field: string, value: unknown, detail = ''): void {
    this.#errors.push({ type: 'NotFound', field, value, detail })
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    this.#errors.push(notSupported(field, value, supported))
  }

  tooLong(field: string, limit: number): void {
    this.#errors.push(tooLong(field, limit))
  }

  tooMany(field: string, count: number, limit: number): void {
    this.#errors.push(tooMany(field, count, limit))
  }

  /** One `Invalid` for each text. */
  problems(field: string, value: unknown, texts: readonly string[]): void {
    for (const text of texts) this.invalid(field, value, text)
  }

  /** A value, where there is one, must be one of `supported`. */
  oneOf(field: string, value: unknown, supported: readonly string[]): void {
    if (value !== undefined && !supported.some((each) => each === value)) this.notSupported(field, value, supported)
  }

  /** A number, where there is one, must be from `least` to `most`. */
  between(field: string, value: number | undefined, [least, most]: readonly [number, number]): void {
    if (value === undefined || (value >= least && value <= most)) return
    this.invalid(field, value, `must be between ${least} and ${most}, inclusive`)
  }

  #putUnder(from: number, prefix: string): void {
    for (let index = from; index < this.#errors.length; index++) {
      const error = this.#errors[index]
      if (error !== undefined) this.#errors[index] = { ...error, field: joined(prefix, error.field) }
    }
  }
}

function joined(prefix: string, field: string): string {
  if (prefix === '' || field === '' || field.startsWith('[')) return prefix + field
  return `${prefix}.${field}`
}
