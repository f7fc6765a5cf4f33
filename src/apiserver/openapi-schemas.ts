import type { MergeList } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import { type FieldNotes, notesOf } from '../kube/schema/notes/notes.ts'
import { type Field, findKindMessage, type Message, messageOf, type Scalar } from '../kube/schema/schema.ts'

/** What a message is called in documents. */
export function schemaName(message: string): string {
  return `io.k8s.api.${message}`
}

/** The shapes of the objects of these kinds, and of all that they are made of, by name. */
export function schemasOf(served: readonly AnyKind[]): Readonly<Record<string, object>> {
  const schemas: Record<string, object> = {}
  const lists = mergedLists(served)
  const add = (message: Message) => {
    const name = schemaName(message.name)
    if (schemas[name] !== undefined) return
    schemas[name] = schemaOf(message, lists)
    for (const { type } of message.fields.values()) {
      if (type.of === 'message') add(messageOf(type.message))
    }
  }
  schemas[INT_OR_STRING] = {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
    description: DESCRIPTION_OF_INT_OR_STRING,
  }
  for (const { resource, openApi } of served) {
    if (openApi !== undefined) add(messageOf('ObjectMeta'))
    const { group, version, kind } = resource
    const message = findKindMessage(apiVersionOf(resource), kind)
    if (message !== undefined && openApi === undefined) add(message)
    schemas[schemaName(kind)] = {
      ...(openApi ?? (message === undefined ? UNDESCRIBED : rootSchema(message, lists))),
      'x-kubernetes-group-version-kind': [{ group, version, kind }],
    }
  }
  return schemas
}

const UNDESCRIBED = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

interface ObjectSchema {
  readonly type: string
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties: object
}

function rootSchema(message: Message, lists: MergedLists): ObjectSchema {
  const { properties, ...rest } = schemaOf(message, lists)
  return { ...rest, properties: { ...TYPE_META, ...properties } }
}

const TYPE_META = {
  apiVersion: { type: 'string', description: 'Group and version of the kind.' },
  kind: { type: 'string', description: 'The kind of the object.' },
}
const METADATA_NOTE = 'The name of the object, its labels, and what the server keeps of it.'

function schemaOf(message: Message, lists: MergedLists): ObjectSchema {
  const notes = notesOf(message.name)
  const merged = lists.get(message.name)
  const properties = [...message.fields.values()].map((field) => [
    field.name,
    { ...fieldSchema(field), ...told(field, notes?.fields.get(field.name)), ...listRules(field, merged) },
  ])
  const required = [...(notes?.fields ?? [])].filter(([, field]) => field.required).map(([name]) => name)
  return {
    type: 'object',
    ...(notes === undefined ? {} : { description: notes.description }),
    ...(notes?.atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(properties),
  }
}

function told({ name }: Field, notes: FieldNotes | undefined): object {
  if (notes === undefined) return name === 'metadata' ? { description: METADATA_NOTE } : {}
  const { description, values } = notes
  return {
    description,
    ...(values === undefined ? {} : { enum: values }),
    ...('default' in notes ? { default: notes.default } : {}),
  }
}

/** How lists in messages are merged, by message and field. */
type MergedLists = ReadonlyMap<string, ReadonlyMap<string, MergeList>>

const METADATA_LISTS = new Map<string, MergeList>([
  ['ownerReferences', { keys: ['uid'] }],
  ['finalizers', { keys: [] }],
])

/** A kind says by path how its lists are merged; in a document it stands at the message that the path leads to. */
function mergedLists(served: readonly AnyKind[]): MergedLists {
  const found = new Map<string, Map<string, MergeList>>([['ObjectMeta', new Map(METADATA_LISTS)]])
  for (const { resource, mergeLists = {}, openApi } of served) {
    const root = openApi === undefined ? findKindMessage(apiVersionOf(resource), resource.kind) : undefined
    if (root === undefined) continue
    for (const [path, list] of Object.entries(mergeLists)) {
      const steps = path.split('.')
      const field = steps.pop() ?? ''
      const holder = steps.reduce<Message | undefined>(fieldMessage, root)
      if (holder?.fields.get(field)?.shape !== 'list') continue
      const ofHolder = found.get(holder.name) ?? new Map<string, MergeList>()
      found.set(holder.name, ofHolder.set(field, list))
    }
  }
  return found
}

function fieldMessage(message: Message | undefined, name: string): Message | undefined {
  const type = message?.fields.get(name)?.type
  return type?.of === 'message' ? messageOf(type.message) : undefined
}

/** Lists that nothing is said of are replaced as a whole. */
function listRules({ name, shape }: Field, merged: ReadonlyMap<string, MergeList> | undefined): object {
  if (shape !== 'list') return {}
  const list = merged?.get(name)
  if (list === undefined) return { 'x-kubernetes-list-type': 'atomic' }
  const patch = { 'x-kubernetes-patch-strategy': 'merge' }
  const { keys, patchKey = keys[0] } = list
  if (patchKey === undefined) return { 'x-kubernetes-list-type': 'set', ...patch }
  return {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    'x-kubernetes-patch-merge-key': patchKey,
    ...patch,
  }
}

function fieldSchema(field: Field): object {
  if (field.shape === 'list') return { type: 'array', items: itemSchema(field) }
  return field.shape === 'map' ? { type: 'object', additionalProperties: itemSchema(field) } : itemSchema(field)
}

const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'
const DESCRIPTION_OF_INT_OR_STRING = 'A number, or a text that stands for one.'

const SCALARS: Readonly<Record<Scalar, object>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intOrString: { allOf: [{ $ref: `#/components/schemas/${INT_OR_STRING}` }] },
  raw: { 'x-kubernetes-preserve-unknown-fields': true },
  double: { type: 'number', format: 'double' },
  strings: { type: 'array', items: { type: 'string' } },
  schemaOrArray: { 'x-kubernetes-preserve-unknown-fields': true },
  schemaOrBool: { 'x-kubernetes-preserve-unknown-fields': true },
  schemaOrStrings: { 'x-kubernetes-preserve-unknown-fields': true },
}

function itemSchema({ type }: Field): object {
  if (type.of === 'any') return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  if (type.of === 'scalar') return SCALARS[type.scalar]
  return { allOf: [{ $ref: `#/components/schemas/${schemaName(type.message)}` }] }
}
