import { type Annotations, annotationKey, annotationOf, presentKey } from './read-annotation.ts'
import {
  BACKEND_ROWS,
  type BackendKey,
  INSTANCE_ROWS,
  type InstanceKey,
  type InstanceRow,
  LISTENER_ROWS,
  PORT_ROWS,
  type PortKey,
} from './table.ts'
import { accepts, isWholeNumber, type ValueRule, wantedBy } from './value-rule.ts'

/** What is wrong with an annotation (or a field) of a Service: where, what is there, and what may be. */
export interface Problem {
  /** The key of the annotation or the path of the field. */
  readonly where: string
  readonly value: string
  readonly wanted: string
}

/** The values of a Service's annotations by row; one that is not set, or empty, is not there. */
export interface ServiceAnnotations {
  readonly instance: Readonly<Partial<Record<InstanceKey, string>>>
  readonly backend: Readonly<Partial<Record<BackendKey, string>>>
  readonly port: Readonly<Partial<Record<PortKey, string>>>
  /** By suffix. */
  readonly listener: Readonly<Record<string, string>>
  /** Whether `domain-extensions` is there, be it empty: then the controller looks after them. */
  readonly hasDomainExtensions: boolean
}

/** Reads the annotations of a Service; what they hold is checked by {@link annotationProblems}. */
export function readAnnotations(annotations: Annotations): ServiceAnnotations {
  const listener = LISTENER_ROWS.map(({ suffix }) => [suffix, annotationOf(annotations, suffix)] as const)
  return {
    instance: readRows(annotations, INSTANCE_ROWS),
    backend: readRows(annotations, BACKEND_ROWS),
    port: readRows(annotations, PORT_ROWS),
    listener: Object.fromEntries(listener.filter(([, value]) => value !== '')),
    hasDomainExtensions: presentKey(annotations, PORT_ROWS.domainExtensions.suffix) !== undefined,
  }
}

/** The values of rows by key. */
export function readRows<K extends string>(
  annotations: Annotations,
  rows: Readonly<Record<K, InstanceRow>>,
): Partial<Record<K, string>> {
  const values: Partial<Record<K, string>> = {}
  for (const key of Object.keys(rows) as K[]) {
    const value = annotationOf(annotations, rows[key].suffix)
    if (value !== '') values[key] = value
  }
  return values
}

/** How strictly values are checked: ACK's controller only wants numbers to be numbers. */
export interface CheckRules {
  readonly compat: boolean
}

/** Every annotation of a CLB whose value is not one that the API takes. */
export function annotationProblems(annotations: Annotations, rules: CheckRules): readonly Problem[] {
  const tables = [INSTANCE_ROWS, BACKEND_ROWS, PORT_ROWS].flatMap((rows) => Object.values(rows))
  return rowProblems([...tables, ...LISTENER_ROWS], annotations, rules)
}

/** Every annotation of some rows whose value is none that its rule accepts. */
export function rowProblems(
  rows: readonly Pick<InstanceRow, 'suffix' | 'rule'>[],
  annotations: Annotations,
  { compat }: CheckRules,
): readonly Problem[] {
  const problems = new Map<string, Problem>()
  for (const { suffix, rule } of rows) {
    const value = annotationOf(annotations, suffix)
    const key = presentKey(annotations, suffix) ?? annotationKey(suffix)
    if (value === '' || problems.has(key) || isFine(rule, value, compat)) continue
    problems.set(key, { where: key, value, wanted: wantedBy(rule) })
  }
  return [...problems.values()]
}

function isFine(rule: ValueRule, value: string, compat: boolean): boolean {
  if (!compat) return accepts(rule, value)
  if (rule.kind === 'number') return isWholeNumber(value)
  return rule.kind !== 'pattern' || !rule.wanted.startsWith('a list') || accepts(rule, value)
}

/** A problem as people read it. */
export function problemText({ where, value, wanted }: Problem): string {
  return `${where} has the value '${value}': give ${wanted}`
}
