import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { secrets } from '../resource.ts'
import type { Secret } from '../types/core.ts'
import { forbidden, invalid, required } from '../validation/field-error.ts'
import { dataKeyProblems } from '../validation/names.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
}

/** v1 Secret; `stringData` is written into `data` and never shown. */
export const secretKind: KindDefinition<Secret> = {
  resource: secrets,
  listKind: 'SecretList',
  singular: 'secret',
  default(draft) {
    setDefault(draft, 'type', 'Opaque')
    encodeStringData(draft)
  },
  validate: (secret, old) => [...validateData(secret), ...validateUnchanged(secret, old)],
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
      type: 'integer',
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
  return [
    ...Object.keys(data).flatMap((key) => dataKeyProblems(key).map((text) => invalid(`data[${key}]`, key, text))),
    ...(REQUIRED_KEYS[secret.type ?? ''] ?? []).filter((key) => !(key in data)).map((key) => required(`data[${key}]`)),
  ]
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
