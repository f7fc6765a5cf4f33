import { isOfFormat } from '../custom-resources/formats.ts'
import {
  label1035Problems,
  labelProblems,
  labelValueProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from '../validation/names.ts'
import type { Cel, Environment } from './engine.ts'

type Check = (text: string) => readonly string[]

class Formats {}
class Format {
  readonly check: Check
  constructor(check: Check) {
    this.check = check
  }
}

/** Of a prefix that a generated name begins with. */
function prefix(check: Check): Check {
  return (text) => check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text)
}

function known(format: string, problem: string): Check {
  return (text) => (text !== '' && isOfFormat(format, text) ? [] : [problem])
}

const CHECKS: Readonly<Record<string, Check>> = {
  dns1123Label: labelProblems,
  dns1123Subdomain: subdomainProblems,
  dns1035Label: label1035Problems,
  qualifiedName: qualifiedNameProblems,
  dns1123LabelPrefix: prefix(labelProblems),
  dns1123SubdomainPrefix: prefix(subdomainProblems),
  dns1035LabelPrefix: prefix(label1035Problems),
  labelValue: labelValueProblems,
  uri: known('uri', 'invalid URI'),
  uuid: known('uuid', 'does not match the UUID format'),
  byte: known('byte', 'invalid base64'),
  date: known('date', 'invalid date'),
  datetime: known('date-time', 'invalid datetime'),
}

/** Named formats (apiserver `library.Format`): what is wrong with a text, if anything. */
export function registerFormatFunctions(environment: Environment, { Optional }: Cel): void {
  const add = (signature: string, handler: (...args: never[]) => unknown) =>
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, { async: false })
  environment.registerType('kubernetes.NamedFormat', Format)
  environment.registerType('kubernetes.Formats', Formats)
  environment.registerConstant('format', 'kubernetes.Formats', new Formats())
  environment.registerOperator(
    'kubernetes.NamedFormat == kubernetes.NamedFormat',
    (a: Format, b: Format) => a.check === b.check,
  )
  for (const [name, check] of Object.entries(CHECKS)) {
    add(`kubernetes.Formats.${name}(): kubernetes.NamedFormat`, () => new Format(check))
  }
  add('kubernetes.Formats.named(string): optional<kubernetes.NamedFormat>', (_: Formats, name: string) => {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined
    return check === undefined ? Optional.none() : Optional.of(new Format(check))
  })
  add('kubernetes.NamedFormat.validate(string): optional<list<string>>', ({ check }: Format, text: string) => {
    const problems = check(text)
    return problems.length === 0 ? Optional.none() : Optional.of([...problems])
  })
}
