import type { NameRule } from '../kind.ts'

/**
 * Rules for names and labels, with the texts of upstream (apimachinery `validation`). Each function returns what is
 * wrong, nothing when all is well.
 */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${QUALIFIED})?`

const patterns = {
  label: new RegExp(`^${LABEL}$`),
  subdomain: new RegExp(`^${SUBDOMAIN}$`),
  label1035: new RegExp(`^${LABEL_1035}$`),
  qualified: new RegExp(`^${QUALIFIED}$`),
  labelValue: new RegExp(`^${LABEL_VALUE}$`),
}

/** What is wrong with an object's name. `prefix`: it is a generateName, to which a suffix is added. */
export function nameProblems(rule: NameRule, name: string, prefix = false): readonly string[] {
  const checked = prefix && name.endsWith('-') ? `${name.slice(0, -1)}a` : name
  switch (rule) {
    case 'subdomain':
      return subdomainProblems(checked)
    case 'label':
      return labelProblems(checked)
    case 'label-1035':
      return label1035Problems(checked)
    case 'path-segment':
      return pathSegmentProblems(checked)
    case 'ip':
      return []
    default:
      return rule satisfies never
  }
}

/** RFC 1123 label, at most 63 bytes. */
export function labelProblems(value: string): readonly string[] {
  if (!patterns.label.test(value) && patterns.subdomain.test(value)) {
    return [...tooLong(value, 63), 'must not contain dots']
  }
  return [
    ...tooLong(value, 63),
    ...unless(
      patterns.label.test(value),
      () =>
        `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character${example(LABEL, 'my-name', '123-abc')}`,
    ),
  ]
}

/** RFC 1123 subdomain, at most 253 bytes. */
export function subdomainProblems(value: string): readonly string[] {
  return [
    ...tooLong(value, 253),
    ...unless(
      patterns.subdomain.test(value),
      () =>
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character${example(SUBDOMAIN, 'example.com')}`,
    ),
  ]
}

const LOOSE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const LOOSE_SUBDOMAIN = `${LOOSE_LABEL}(\\.${LOOSE_LABEL})*`
const loosePattern = new RegExp(`^${LOOSE_SUBDOMAIN}$`)

/** A subdomain that may have underscores, as search paths of a resolver do. */
export function looseSubdomainProblems(value: string): readonly string[] {
  return [
    ...tooLong(value, 253),
    ...unless(
      loosePattern.test(value),
      () =>
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character${example(LOOSE_SUBDOMAIN, 'example.com')}`,
    ),
  ]
}

/** `*.` and a subdomain: any one label before it. */
export function wildcardProblems(value: string): readonly string[] {
  const pattern = `\\*\\.${SUBDOMAIN}`
  return [
    ...tooLong(value, 253),
    ...unless(
      new RegExp(`^${pattern}$`).test(value),
      () =>
        `a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character${example(pattern, '*.example.com')}`,
    ),
  ]
}

/** RFC 1035 label, at most 63 bytes. */
export function label1035Problems(value: string): readonly string[] {
  return [
    ...tooLong(value, 63),
    ...unless(
      patterns.label1035.test(value),
      () =>
        `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character${example(LABEL_1035, 'my-name', 'abc-123')}`,
    ),
  ]
}

/** What is wrong with the key of a label or annotation: `[prefix/]name`. */
export function qualifiedNameProblems(value: string): readonly string[] {
  const parts = value.split('/')
  const name = parts.at(-1) ?? ''
  if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${example(QUALIFIED, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const prefix = parts.length === 2 ? (parts[0] ?? '') : undefined
  return [
    ...(prefix === undefined
      ? []
      : prefix === ''
        ? ['prefix part must be non-empty']
        : subdomainProblems(prefix).map((text) => `prefix part ${text}`)),
    ...(name === '' ? ['name part must be non-empty'] : tooLong(name, 63, 'bytes').map((text) => `name part ${text}`)),
    ...unless(
      patterns.qualified.test(name),
      () =>
        `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${example(QUALIFIED, 'MyName', 'my.name', '123-abc')}`,
    ),
  ]
}

/** What is wrong with the value of a label. */
export function labelValueProblems(value: string): readonly string[] {
  return [
    ...tooLong(value, 63, 'bytes'),
    ...unless(
      patterns.labelValue.test(value),
      () =>
        `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${example(LABEL_VALUE, 'MyValue', 'my_value', '12345')}`,
    ),
  ]
}

/** IANA service name, as ports are named. */
export function portNameProblems(value: string): readonly string[] {
  return [
    ...tooLong(value, 15),
    ...unless(/^[-a-z0-9]+$/.test(value), 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'),
    ...unless(/[a-z]/.test(value), 'must contain at least one letter (a-z)'),
    ...unless(!value.includes('--'), 'must not contain consecutive hyphens'),
    ...unless(!value.startsWith('-') && !value.endsWith('-'), 'must not begin or end with a hyphen'),
  ]
}

/** What is wrong with the name of an environment variable, which is one (upstream `IsRelaxedEnvVarName`). */
export function envNameProblems(value: string): readonly string[] {
  const text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
  return unless(/^[ -<>-~]*$/.test(value), text)
}

/** What is wrong with the name of an HTTP header. */
export function httpHeaderProblems(value: string): readonly string[] {
  const pattern = '[-A-Za-z0-9]+'
  return unless(
    new RegExp(`^${pattern}$`).test(value),
    () => `a valid HTTP header must consist of alphanumeric characters or '-'${example(pattern, 'X-Header-Name')}`,
  )
}

/** What is wrong with a port number. */
export function portNumberProblems(value: unknown): readonly string[] {
  const good = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
  return unless(good, 'must be between 1 and 65535, inclusive')
}

function pathSegmentProblems(value: string): readonly string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return ['/', '%'].filter((sign) => value.includes(sign)).map((sign) => `may not contain '${sign}'`)
}

/** Upstream counts bytes everywhere, and names them in its newer texts. */
function tooLong(value: string, limit: number, unit: 'bytes' | 'characters' = 'characters'): readonly string[] {
  return unless(Buffer.byteLength(value) <= limit, `must be no more than ${limit} ${unit}`)
}

/** @param problem Long ones are put together when there is one only: names are looked at with every write. */
function unless(good: boolean, problem: string | (() => string)): readonly string[] {
  if (good) return []
  return [typeof problem === 'string' ? problem : problem()]
}

function example(pattern: string, ...examples: readonly string[]): string {
  const quoted = examples.map((each) => `'${each}'`).join(',  or ')
  return ` (e.g. ${quoted}, regex used for validation is '${pattern}')`
}

/** What is wrong with a key of a ConfigMap or Secret. */
export function dataKeyProblems(value: string): readonly string[] {
  const dots =
    value === '.' || value === '..'
      ? [`must not be '${value}'`]
      : value.startsWith('..')
        ? ["must not start with '..'"]
        : []
  return [
    ...tooLong(value, 253),
    ...unless(
      /^[-._a-zA-Z0-9]+$/.test(value),
      () =>
        `a valid config key must consist of alphanumeric characters, '-', '_' or '.'${example('[-._a-zA-Z0-9]+', 'key.name', 'KEY_NAME', 'key-name')}`,
    ),
    ...dots,
  ]
}
