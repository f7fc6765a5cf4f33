import { createHash } from 'node:crypto'
import type { AnyKind } from '../kube/registry.ts'
import type { KindTable } from './kind-table.ts'

/** `/openapi/v3`: where the document of each group and version is. */
export function openApiIndex(kinds: KindTable): object {
  const paths = [...new Set(kinds.all.map(({ resource }) => groupPath(resource.group, resource.version)))]
  return {
    paths: Object.fromEntries(
      paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(kinds, path)}` }]),
    ),
  }
}

/** `/openapi/v3/apis/apps/v1`: paths with their kinds and parameters. `undefined`: nothing is served there. */
export function openApiDocument(kinds: KindTable, path: string): object | undefined {
  const served = kinds.all.filter(({ resource }) => groupPath(resource.group, resource.version) === path)
  if (served.length === 0) return undefined
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: Object.fromEntries(served.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(served.map((kind) => [schemaName(kind), schemaOf(kind)])) },
  }
}

function groupPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

function hashOf(kinds: KindTable, path: string): string {
  return createHash('sha256')
    .update(JSON.stringify(openApiDocument(kinds, path)))
    .digest('hex')
    .slice(0, 32)
    .toUpperCase()
}

function schemaName({ resource }: AnyKind): string {
  const group = resource.group === '' ? 'core' : (resource.group.split('.')[0] ?? '')
  return `io.k8s.api.${group}.${resource.version}.${resource.kind}`
}

function schemaOf({ resource }: AnyKind): object {
  const { group, version, kind } = resource
  return {
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this representation of an object.' },
      kind: { type: 'string', description: 'The kind of object that this represents.' },
      metadata: {
        type: 'object',
        description: "Standard object's metadata.",
        'x-kubernetes-preserve-unknown-fields': true,
      },
    },
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  }
}

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation']

function pathsOf(kind: AnyKind): readonly (readonly [string, object])[] {
  const { group, version, plural, namespaced } = kind.resource
  const base = `/${groupPath(group, version)}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  return [
    [base, { get: operation(kind, 'list', []), post: operation(kind, 'post', WRITE_PARAMETERS) }],
    [
      `${base}/{name}`,
      {
        get: operation(kind, 'get', []),
        put: operation(kind, 'put', WRITE_PARAMETERS),
        patch: operation(kind, 'patch', [...WRITE_PARAMETERS, 'force']),
        delete: operation(kind, 'delete', ['dryRun', 'gracePeriodSeconds', 'propagationPolicy']),
      },
    ],
  ]
}

function operation(kind: AnyKind, action: string, parameters: readonly string[]): object {
  const { group, version, kind: title } = kind.resource
  const schema = { $ref: `#/components/schemas/${schemaName(kind)}` }
  return {
    parameters: parameters.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind: title },
  }
}
