import { isConditionTrue } from '../conditions.ts'
import type { FieldError } from '../kind.ts'
import type { CustomResourceDefinition, CustomResourceVersion } from '../types/custom-resource-definition.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { label1035Problems, subdomainProblems } from '../validation/names.ts'
import { parseJsonPath } from './json-path.ts'
import { ruleCompileProblems, ruleShapeProblems } from './rule-problems.ts'
import { structuralProblems } from './structural-rules.ts'
import { validateBySchema } from './validate-schema.ts'

const APPROVAL = 'api-approved.kubernetes.io'
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']

/** Rules of a CustomResourceDefinition (upstream `ValidateCustomResourceDefinition`). */
export function validateDefinition(definition: CustomResourceDefinition): readonly FieldError[] {
  const { metadata, spec } = definition
  if (spec === undefined) return [required('spec')]
  const name = `${spec.names?.plural}.${spec.group}`
  const misnamed =
    metadata.name === name ? [] : [invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')]
  return [
    ...misnamed,
    ...validateGroup(definition),
    ...(spec.scope ? [] : [required('spec.scope')]),
    ...(!spec.scope || ['Cluster', 'Namespaced'].includes(spec.scope)
      ? []
      : [notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced'])]),
    ...validateNames(spec.names),
    ...validateVersions(spec.versions ?? []),
    ...(spec.conversion?.strategy === undefined || spec.conversion.strategy === 'None'
      ? []
      : [notSupported('spec.conversion.strategy', spec.conversion.strategy, ['None'])]),
    ...(spec.preserveUnknownFields === true
      ? [
          invalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
  ]
}

/** What an update of a definition may not change. */
export function validateDefinitionUpdate(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition,
): readonly FieldError[] {
  const established = isConditionTrue(old.status?.conditions, 'Established')
  const fields: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['spec.group', spec.group, old.spec.group],
    ['spec.names.plural', spec.names.plural, old.spec.names.plural],
    ...(established
      ? ([
          ['spec.scope', spec.scope, old.spec.scope],
          ['spec.names.kind', spec.names.kind, old.spec.names.kind],
        ] as const)
      : []),
  ]
  return fields
    .filter(([, now, before]) => now !== before)
    .map(([field, now]) => invalid(field, now, 'field is immutable'))
}

function validateGroup({ metadata, spec: { group } }: CustomResourceDefinition): readonly FieldError[] {
  if (!group) return [required('spec.group')]
  const errors = subdomainProblems(group).map((text) => invalid('spec.group', group, text))
  if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'))
  const guarded = /(^|\.)(k8s|kubernetes)\.io$/.test(group)
  if (guarded && !metadata.annotations?.[APPROVAL]) {
    const text = `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`
    errors.push(required(`metadata.annotations[${APPROVAL}]`, text))
  }
  return errors
}

function validateNames(names: CustomResourceDefinition['spec']['names'] | undefined): readonly FieldError[] {
  const path = 'spec.names'
  if (names === undefined) return [required(`${path}.plural`), required(`${path}.kind`)]
  const label = (field: string, value: string | undefined) =>
    value
      ? label1035Problems(value).map((text) => invalid(`${path}.${field}`, value, text))
      : [required(`${path}.${field}`)]
  return [
    ...label('plural', names.plural),
    ...label('singular', names.singular),
    ...label('kind', names.kind?.toLowerCase()),
    ...label('listKind', names.listKind?.toLowerCase()),
    ...(names.shortNames ?? []).flatMap((each, index) =>
      label1035Problems(each).map((text) => invalid(`${path}.shortNames[${index}]`, each, text)),
    ),
    ...(names.kind !== undefined && names.kind === names.listKind
      ? [invalid(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same')]
      : []),
  ]
}

function validateVersions(versions: readonly CustomResourceVersion[]): readonly FieldError[] {
  const path = 'spec.versions'
  if (versions.length === 0) return [required(path, 'must have at least one version')]
  const names = versions.map(({ name }) => name)
  const stored = versions.filter(({ storage }) => storage).length
  return [
    ...(new Set(names).size === names.length ? [] : [invalid(path, names, 'must contain unique version names')]),
    ...(stored === 1 ? [] : [invalid(path, names, 'must have exactly one version marked as storage version')]),
    ...versions.flatMap((version, index) => validateVersion(version, `${path}[${index}]`)),
  ]
}

function validateVersion(version: CustomResourceVersion, path: string): readonly FieldError[] {
  const schema = version.schema?.openAPIV3Schema
  const at = `${path}.schema.openAPIV3Schema`
  const problems = schema === undefined ? [] : [...structuralProblems(schema, at), ...ruleShapeProblems(schema, at)]
  return [
    ...(version.name
      ? label1035Problems(version.name).map((text) => invalid(`${path}.name`, version.name, text))
      : [required(`${path}.name`)]),
    ...(schema === undefined ? [required(at, 'schemas are required')] : problems),
    ...(schema === undefined || problems.length > 0
      ? []
      : [...validateDefaults(schema, at), ...ruleCompileProblems(schema, at)]),
    ...(version.additionalPrinterColumns ?? []).flatMap((column, index) =>
      validateColumn(column, `${path}.additionalPrinterColumns[${index}]`),
    ),
    ...validateScale(version.subresources?.scale, `${path}.subresources.scale`),
  ]
}

type Schema = NonNullable<NonNullable<CustomResourceVersion['schema']>['openAPIV3Schema']>

/** A default must itself be what the schema wants. */
function validateDefaults(schema: Schema, path: string): readonly FieldError[] {
  const own =
    schema.default === undefined
      ? []
      : validateBySchema(schema, schema.default, '').map((error) => ({
          ...error,
          field: error.field === '' ? `${path}.default` : `${path}.default.${error.field}`,
        }))
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    validateDefaults(property, `${path}.properties[${name}]`),
  )
  return [...own, ...children, ...(schema.items === undefined ? [] : validateDefaults(schema.items, `${path}.items`))]
}

function validateColumn(
  { name, type, jsonPath }: NonNullable<CustomResourceVersion['additionalPrinterColumns']>[number],
  path: string,
): readonly FieldError[] {
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(type ? [] : [required(`${path}.type`, `must be one of ${COLUMN_TYPES.join(',')}`)]),
    ...(!type || COLUMN_TYPES.includes(type)
      ? []
      : [invalid(`${path}.type`, type, `must be one of ${COLUMN_TYPES.join(',')}`)]),
    ...(jsonPath ? [] : [required(`${path}.jsonPath`)]),
    ...(!jsonPath || parseJsonPath(jsonPath) !== undefined
      ? []
      : [invalid(`${path}.jsonPath`, jsonPath, 'is an invalid jsonpath')]),
  ]
}

function validateScale(
  scale: NonNullable<CustomResourceVersion['subresources']>['scale'],
  path: string,
): readonly FieldError[] {
  if (scale === undefined) return []
  const under = (field: string, value: string | undefined, root: string) => {
    if (!value) return [required(`${path}.${field}`)]
    const good = value.startsWith(`.${root}.`) && parseJsonPath(value) !== undefined
    return good ? [] : [invalid(`${path}.${field}`, value, `should be a json path under .${root}`)]
  }
  return [
    ...under('specReplicasPath', scale.specReplicasPath, 'spec'),
    ...under('statusReplicasPath', scale.statusReplicasPath, 'status'),
  ]
}
