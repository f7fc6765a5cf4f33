import { FairleadError } from '../../base/error.ts'
import { CORE_MESSAGES } from './core.ts'
import { DETAIL_MESSAGES } from './details.ts'
import { GROUP_MESSAGES } from './groups.ts'
import { META_MESSAGES } from './meta.ts'
import { POD_MESSAGES } from './pod.ts'
import { WORKLOAD_MESSAGES } from './workloads.ts'

/**
 * The shape of objects: which fields a message has, of what type, and under which number they travel in protobuf.
 *
 * Notation: `Message: field type number, …`. A type is one of {@link Scalar}, `any`, the name of a message, `T[]` for a
 * list or `{T}` for a map from strings. `~` after a number or bool: zero means that the field is absent, as Go writes it.
 * `...Message number` stands for the fields of that message, which in JSON lie in the message itself. Number 0: only in
 * JSON. Messages are read when they are first asked for; `XList` of a described `X` need not be written down.
 *
 * Source: the API reference of Kubernetes; numbers from the protobuf definitions that it publishes.
 */
export interface Message {
  readonly name: string
  /** By name in JSON, those of inlined messages included. */
  readonly fields: ReadonlyMap<string, Field>
  /** By number in protobuf. */
  readonly numbered: ReadonlyMap<number, Numbered>
}

export type Scalar =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  /** JSON of any shape. */
  | 'raw'
  | 'double'
  /** Strings that protobuf has in a message of their own, as values of a map cannot be lists there. */
  | 'strings'
  /** One JSONSchemaProps or a list of them. */
  | 'schemaOrArray'
  /** A JSONSchemaProps, or whether anything is allowed. */
  | 'schemaOrBool'
  /** A JSONSchemaProps or names of fields. */
  | 'schemaOrStrings'

/** What is a schema or stands in its place. */
export type Union = 'schemaOrArray' | 'schemaOrBool' | 'schemaOrStrings'

export function isUnion(scalar: Scalar): scalar is Union {
  return scalar.startsWith('schemaOr')
}

export type FieldType =
  | { readonly of: 'scalar'; readonly scalar: Scalar }
  | { readonly of: 'message'; readonly message: string }
  /** Not described: whatever JSON there is. */
  | { readonly of: 'any' }

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly shape: 'one' | 'list' | 'map'
  /** Zero and false stand for nothing. */
  readonly zeroIsAbsent: boolean
}

export type Numbered = { readonly field: Field } | { readonly inlined: string }

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  'string',
  'bool',
  'int32',
  'int64',
  'bytes',
  'time',
  'microTime',
  'quantity',
  'intOrString',
  'raw',
  'double',
  'strings',
  'schemaOrArray',
  'schemaOrBool',
  'schemaOrStrings',
])

const sources = new Map<string, string>()
const messages = new Map<string, Message>()

/** The message of that name; `undefined` when it is not described. */
export function findMessage(name: string): Message | undefined {
  const known = messages.get(name)
  if (known !== undefined) return known
  if (sources.size === 0) loadSources()
  const source = sources.get(name) ?? listSource(name)
  if (source === undefined) return undefined
  const message = readMessage(name, source)
  messages.set(name, message)
  return message
}

function listSource(name: string): string | undefined {
  const item = name.endsWith('List') ? name.slice(0, -'List'.length) : ''
  return sources.has(item) ? `metadata ListMeta 1, items ${item}[] 2` : undefined
}

/** Kinds of one name in two groups are two messages. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['events.k8s.io/v1/Event', 'NamedEvent'],
  ['events.k8s.io/v1/EventList', 'NamedEventList'],
])

/** Groups whose kinds are described here; whatever users bring has a group of its own. */
const GROUPS: ReadonlySet<string> = new Set([
  ...['', 'apps', 'autoscaling', 'batch', 'policy', 'apiextensions.k8s.io', 'authentication.k8s.io'],
  ...['authorization.k8s.io', 'coordination.k8s.io', 'discovery.k8s.io', 'events.k8s.io', 'meta.k8s.io'],
  ...['networking.k8s.io', 'rbac.authorization.k8s.io', 'scheduling.k8s.io', 'storage.k8s.io', 'node.k8s.io'],
  ...['admissionregistration.k8s.io', 'apiregistration.k8s.io', 'certificates.k8s.io'],
])

/** The message of the objects of a kind. @param apiVersion `v1` or `apps/v1` */
export function findKindMessage(apiVersion: string, kind: string): Message | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.lastIndexOf('/')) : ''
  if (!GROUPS.has(group)) return undefined
  return findMessage(RENAMED.get(`${apiVersion}/${kind}`) ?? kind)
}

/** @throws FairleadError `BUG` when the message is not described. */
export function messageOf(name: string): Message {
  const message = findMessage(name)
  if (message === undefined)
    throw new FairleadError('BUG', `The schema names the message ${name}, which is not described`)
  return message
}

/** Names of all messages that are described. */
export function messageNames(): readonly string[] {
  if (sources.size === 0) loadSources()
  return [...sources.keys()]
}

function loadSources(): void {
  for (const text of [META_MESSAGES, CORE_MESSAGES, POD_MESSAGES, DETAIL_MESSAGES, GROUP_MESSAGES, WORKLOAD_MESSAGES]) {
    for (const entry of text.trim().split(/\n(?=\S)/)) {
      const colon = entry.indexOf(':')
      sources.set(entry.slice(0, colon), entry.slice(colon + 1))
    }
  }
}

function readMessage(name: string, source: string): Message {
  const fields = new Map<string, Field>()
  const numbered = new Map<number, Numbered>()
  for (const part of source.trim() === '' ? [] : source.split(',')) {
    const words = part.trim().split(/\s+/)
    const number = Number(words.at(-1))
    const [first = '', type = ''] = words
    if (first.startsWith('...')) {
      const inlined = messageOf(first.slice(3))
      for (const [fieldName, field] of inlined.fields) fields.set(fieldName, field)
      numbered.set(number, { inlined: inlined.name })
      continue
    }
    const field = readField(first, type)
    fields.set(first, field)
    if (number > 0) numbered.set(number, { field })
  }
  return { name, fields, numbered }
}

function readField(name: string, text: string): Field {
  if (text.endsWith('[]')) return { name, type: readType(text.slice(0, -2)), shape: 'list', zeroIsAbsent: false }
  if (text.startsWith('{')) return { name, type: readType(text.slice(1, -1)), shape: 'map', zeroIsAbsent: false }
  const zeroIsAbsent = text.endsWith('~')
  return { name, type: readType(zeroIsAbsent ? text.slice(0, -1) : text), shape: 'one', zeroIsAbsent }
}

function readType(text: string): FieldType {
  if (text === 'any') return { of: 'any' }
  return SCALARS.has(text) ? { of: 'scalar', scalar: text as Scalar } : { of: 'message', message: text }
}
