import { loadCel } from '../cel/engine.ts'
import { isConditionTrue } from '../conditions.ts'
import type { Draft, FieldError, KindDefinition, ScaleView } from '../kind.ts'
import { copyJson } from '../patch/json.ts'
import type { Resource } from '../resource.ts'
import { conformToSchema, type Misfits } from '../schema/conform.ts'
import type { Field, Message } from '../schema/schema.ts'
import type {
  CustomResourceDefinition,
  CustomResourceNames,
  CustomResourceVersion,
  JsonSchema,
} from '../types/custom-resource-definition.ts'
import type { KubeObject } from '../types/meta.ts'
import { forbidden, invalid } from '../validation/field-error.ts'
import { applyDefaults, hasDefaults } from './default-values.ts'
import { evaluateRules } from './evaluate-rules.ts'
import { followJsonPath, parseJsonPath, setByJsonPath } from './json-path.ts'
import { mergeListsOf } from './merge-lists.ts'
import { printerColumns } from './printer-columns.ts'
import { prune } from './prune.ts'
import { compileRules, hasRules, type RuleProgram } from './rule-program.ts'
import { validateBySchema } from './validate-schema.ts'
import { compareVersions } from './version-order.ts'

type CustomKind = KindDefinition<KubeObject>

/** The kinds that a definition brings, one for each version served, the preferred one first; none until it is established. */
export function customKinds(definition: CustomResourceDefinition): readonly CustomKind[] {
  const { spec, status } = definition
  if (!isConditionTrue(status?.conditions, 'Established')) return []
  return [...spec.versions]
    .filter(({ served }) => served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => customKind(definition, version))
}

/** Where objects of each version served are; see {@link customKinds}. */
export function customResources(definition: CustomResourceDefinition): readonly Resource<KubeObject>[] {
  return customKinds(definition).map(({ resource }) => resource)
}

function customKind(definition: CustomResourceDefinition, version: CustomResourceVersion): CustomKind {
  const names: CustomResourceNames = definition.status?.acceptedNames ?? definition.spec.names
  const schema = version.schema?.openAPIV3Schema ?? {}
  const { scale, status } = version.subresources ?? {}
  const leaving = definition.metadata.deletionTimestamp !== undefined
  const stored = storedForm(definition, version)
  const check = checkerOf(schema)
  return {
    resource: resourceOf(definition, version.name),
    listKind: names.listKind ?? `${names.kind}List`,
    singular: names.singular ?? names.kind.toLowerCase(),
    ...(names.shortNames === undefined ? {} : { shortNames: names.shortNames }),
    ...(names.categories === undefined ? {} : { categories: names.categories }),
    subresources: [
      ...(status === undefined ? [] : ['status' as const]),
      ...(scale === undefined ? [] : ['scale' as const]),
    ],
    custom: true,
    statusKeeps: 'metadata',
    versionedPut: true,
    generation: true,
    columns: printerColumns(version.additionalPrinterColumns),
    conform: (draft) => conform(schema, names.kind, draft),
    openApi: openApiOf(schema),
    default: (draft) => applyDefaults(schema, draft),
    ...(hasRules(schema) ? { load: loadCel } : {}),
    prepare(draft, old) {
      if (old === undefined && status !== undefined) delete draft.status
    },
    validate: (object, old) =>
      leaving && old === undefined
        ? [forbidden('metadata', 'create not allowed while custom resource definition is terminating')]
        : check(object, old),
    warnings: () => deprecationOf(definition, version),
    ...(scale === undefined ? {} : scaleOf(scale)),
    ...(version.selectableFields === undefined ? {} : { selectableFields: selectableFields(version) }),
    mergeLists: mergeListsOf(schema),
    ...(stored === undefined ? {} : { stored }),
  }
}

/** By the schema, then by its rules, which are compiled with the first object that comes. */
function checkerOf(schema: JsonSchema): (object: KubeObject, old: KubeObject | undefined) => readonly FieldError[] {
  if (!hasRules(schema)) return (object) => validateBySchema(schema, object)
  let program: RuleProgram | undefined
  return (object, old) => {
    const errors = validateBySchema(schema, object)
    // Rules take values to be of the types that the schema gives them.
    if (errors.some(isBlocking)) return [...errors, UNCHECKED]
    program ??= compileRules(schema, true)
    return program === undefined ? errors : [...errors, ...evaluateRules(program, object, old)]
  }
}

const UNCHECKED = invalid(
  '<nil>',
  'null',
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
)

function isBlocking({ type, detail }: FieldError): boolean {
  return ['Required', 'TooLong', 'TooMany'].includes(type) || detail.includes('in body must be of type')
}

function resourceOf({ spec }: CustomResourceDefinition, version: string): Resource<KubeObject> {
  const { plural, kind } = spec.names
  return { group: spec.group, version, kind, plural, namespaced: spec.scope === 'Namespaced' }
}

/** Versions differ by their name only (`conversion: None`): needed where objects of more than one may be in the store. */
/** What was stored before the schema had its defaults has them when it is read. */
function storedForm(
  definition: CustomResourceDefinition,
  { name, schema }: CustomResourceVersion,
): CustomKind['stored'] {
  const storage = definition.spec.versions.find((each) => each.storage)?.name ?? name
  const { storedVersions = [] } = definition.status ?? {}
  const shape = schema?.openAPIV3Schema ?? {}
  const defaults = hasDefaults(shape)
  if (storage === name && storedVersions.every((each) => each === name) && !defaults) return undefined
  const { group } = definition.spec
  return {
    resource: resourceOf(definition, storage),
    toStored: (object) => ({ ...object, apiVersion: `${group}/${storage}` }),
    fromStored: (object) => {
      const served = { ...(defaults ? copyJson(object) : object), apiVersion: `${group}/${name}` }
      if (defaults) applyDefaults(shape, served)
      return served
    },
  }
}

const METADATA: Field = {
  name: 'metadata',
  type: { of: 'message', message: 'ObjectMeta' },
  shape: 'one',
  zeroIsAbsent: false,
}

function conform(schema: JsonSchema, kind: string, draft: Draft): Misfits {
  const message: Message = { name: kind, fields: new Map([['metadata', METADATA]]), numbered: new Map() }
  const envelope: Draft = { metadata: draft.metadata ?? {} }
  const { unknown, wrongType } = conformToSchema(message, envelope)
  draft.metadata = envelope.metadata
  return { unknown: [...unknown, ...prune(schema, draft, true)], wrongType }
}

/** The schema as documents show it, with what every object has. */
function openApiOf(schema: JsonSchema): object {
  const metadata = {
    allOf: [{ $ref: '#/components/schemas/io.k8s.api.ObjectMeta' }],
    description: "Standard object's metadata.",
  }
  const properties = { apiVersion: { type: 'string' }, kind: { type: 'string' }, ...schema.properties, metadata }
  return { ...schema, type: 'object', properties }
}

function scaleOf(
  paths: NonNullable<NonNullable<CustomResourceVersion['subresources']>['scale']>,
): Pick<CustomKind, 'scale' | 'setScale'> {
  const [replicas, statusReplicas] = [paths.specReplicasPath, paths.statusReplicasPath].map(parseJsonPath)
  const selector = paths.labelSelectorPath === undefined ? undefined : parseJsonPath(paths.labelSelectorPath)
  const read = (path: typeof replicas, object: KubeObject) =>
    path === undefined ? undefined : followJsonPath(path, object)[0]
  return {
    scale: (object): ScaleView => ({
      replicas: Number(read(replicas, object) ?? 0),
      statusReplicas: Number(read(statusReplicas, object) ?? 0),
      selector: undefined,
      selectorText: String(read(selector, object) ?? ''),
    }),
    setScale(draft, count) {
      if (replicas !== undefined) setByJsonPath(replicas, draft, count)
    },
  }
}

function selectableFields({
  selectableFields: fields = [],
}: CustomResourceVersion): NonNullable<CustomKind['selectableFields']> {
  const readers = fields.flatMap(({ jsonPath }) => {
    const path = parseJsonPath(jsonPath)
    if (path === undefined) return []
    return [
      [jsonPath.replace(/^\./, ''), (object: KubeObject) => String(followJsonPath(path, object)[0] ?? '')] as const,
    ]
  })
  return Object.fromEntries(readers)
}

function deprecationOf(
  { spec }: CustomResourceDefinition,
  { name, deprecated, deprecationWarning }: CustomResourceVersion,
): readonly string[] {
  if (deprecated !== true) return []
  return [deprecationWarning ?? `${spec.group}/${name} ${spec.names.kind} is deprecated`]
}
