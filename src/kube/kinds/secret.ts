import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { secrets } from '../resource.ts'
import type { Secret } from '../types/core.ts'
import { forbidden, invalid, required, tooLong } from '../validation/field-error.ts'
import { dataKeyProblems } from '../validation/names.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

const SIZE_LIMIT = 1024 * 1024
const ACCOUNT_NAME = 'kubernetes.io/service-account.name'

/** v1 Secret; `stringData` is written into `data` and never shown. */
export const secretKind: KindDefinition<Secret> = {
  resource: secrets,
  listKind: 'SecretList',
  singular: 'secret',
  default(draft) {
    setDefault(draft, 'type', 'Opaque')
    encodeStringData(draft)
  },
  validate: (secret, old) => [...validateUnchanged(secret, old), ...validateData(secret)],
  selectableFields: {
    type: (secret) => secret.type ?? '',
  },
  columns: [
    {
      name: 'Type',
      type: 'string',
      description: 'Used to facilitate programmatic handling of secret data.',
      cell: (secret) => secret.type ?? '',
    },
    {
      name: 'Data',
      type: 'string',
      description: 'Number of entries.',
      cell: (secret) => Object.keys(secret.data ?? {}).length,
    },
    ageColumn,
  ],
}

function encodeStringData(draft: Draft): void {
  const plain = objectIn(draft, 'stringData')
  if (plain !== undefined) {
    const data = ensureObject(draft, 'data')
    for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(String(value)).toString('base64')
  }
  delete draft.stringData
}

function validateData(secret: Secret): readonly FieldError[] {
  const data = secret.data ?? {}
  const size = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0)
  return [
    ...Object.keys(data).flatMap((key) => dataKeyProblems(key).map((text) => invalid(`data[${key}]`, key, text))),
    ...(size > SIZE_LIMIT ? [tooLong('data', SIZE_LIMIT)] : []),
    ...validateType(secret, data),
  ]
}

/** What each type of secret must have. */
function validateType({ type = '', metadata }: Secret, data: Readonly<Record<string, string>>): readonly FieldError[] {
  const missing = (key: string) => (key in data ? [] : [required(`data[${key}]`)])
  switch (type) {
    case 'kubernetes.io/service-account-token':
      return metadata.annotations?.[ACCOUNT_NAME] ? [] : [required(`metadata.annotations[${ACCOUNT_NAME}]`)]
    case 'kubernetes.io/basic-auth':
      return 'username' in data || 'password' in data ? [] : [...missing('username'), ...missing('password')]
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')]
    case 'kubernetes.io/tls':
      return [...missing('tls.crt'), ...missing('tls.key')]
    case 'kubernetes.io/dockercfg':
      return [...missing('.dockercfg'), ...validateJson('.dockercfg', data)]
    case 'kubernetes.io/dockerconfigjson':
      return [...missing('.dockerconfigjson'), ...validateJson('.dockerconfigjson', data)]
    default:
      return []
  }
}

/** The key must hold a JSON object; what it holds is not shown. */
function validateJson(key: string, data: Readonly<Record<string, string>>): readonly FieldError[] {
  const text = data[key]
  const problem = text === undefined ? undefined : jsonProblem(Buffer.from(text, 'base64').toString())
  return problem === undefined ? [] : [invalid(`data[${key}]`, '<secret contents redacted>', problem)]
}

/** In the words of Go's decoder, as far as the beginning of the text tells. */
function jsonProblem(text: string): string | undefined {
  const first = text.trimStart()[0]
  if (first === undefined) return 'unexpected end of JSON input'
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined
    const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`
  } catch {
    if (!/["{[\-0-9tfn]/.test(first)) return `invalid character '${first}' looking for beginning of value`
    return 'unexpected end of JSON input'
  }
}

function validateUnchanged(secret: Secret, old: Secret | undefined): readonly FieldError[] {
  if (old === undefined) return []
  const errors: FieldError[] = []
  if (secret.type !== old.type) errors.push(invalid('type', secret.type, 'field is immutable'))
  if (old.immutable === true) {
    const text = 'field is immutable when `immutable` is set'
    if (secret.immutable !== true) errors.push(forbidden('immutable', text))
    if (JSON.stringify(secret.data) !== JSON.stringify(old.data)) errors.push(forbidden('data', text))
  }
  return errors
}
