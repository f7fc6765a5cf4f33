import { type ValueRule, wordIn } from './value-rule.ts'

/** An annotation that becomes one parameter of a call. */
export interface SettingRow {
  readonly suffix: string
  /** Name of the parameter; a dot leads to a member of an object. */
  readonly parameter: string
  readonly rule: ValueRule
  /** The value when it is not set: the API's own. */
  readonly otherwise?: string
  /** Counts only while another parameter has one of these values. */
  readonly needs?: readonly [parameter: string, values: readonly string[]]
  /** `on` and `off` are `true` and `false` for the API. */
  readonly isSwitch?: true
}

export type Values = Readonly<Record<string, string>>

/** Values by parameter, in the words of the API. */
export function valuesOf<R extends SettingRow>(rows: readonly R[], value: (row: R) => string | undefined): Values {
  return Object.fromEntries(
    rows.flatMap((row) => {
      const found = value(row)
      return found === undefined ? [] : [[row.parameter, canonical(row.parameter, apiWord(row, found))]]
    }),
  )
}

function apiWord({ rule, isSwitch }: SettingRow, value: string): string {
  const word = rule.kind === 'words' ? (wordIn(rule, value) ?? value) : value
  if (isSwitch !== true) return word
  return ({ on: 'true', off: 'false' } as Values)[word] ?? word
}

/** Parameters that are sets, by the last part of their names. */
const LISTS = new Set(['AclId', 'HealthCheckHttpCode', 'CertificateIds', 'CaCertificateIds'])

/** Whether a parameter is a list. */
export function isList(parameter: string): boolean {
  return LISTS.has(parameter.split('.').at(-1) ?? '')
}

/** Lists are sets: their order means nothing. */
export function canonical(parameter: string, value: string): string {
  return isList(parameter) ? [...new Set(value.split(','))].sort().join(',') : value
}

/** Without what counts for nothing, since what it belongs to is off. */
export function onlyNeeded(rows: readonly SettingRow[], values: Values): Record<string, string> {
  const counts = ({ needs }: SettingRow): boolean => {
    if (needs === undefined) return true
    const [parameter, allowed] = needs
    const needed = rows.find((row) => row.parameter === parameter)
    return allowed.includes(values[parameter] ?? '') && (needed === undefined || counts(needed))
  }
  const kept = rows.filter((row) => values[row.parameter] !== undefined && counts(row))
  return Object.fromEntries(kept.map(({ parameter }) => [parameter, values[parameter] ?? '']))
}
