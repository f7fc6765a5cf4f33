import { createHash } from 'node:crypto'
import type { AnyKind } from '../kube/registry.ts'
import type { KindTable } from './kind-table.ts'
import { schemaName, schemasOf } from './openapi-schemas.ts'

interface OpenApiDocument {
  readonly served: readonly AnyKind[]
  readonly bytes: Buffer
}

/** OpenAPI v3 documents of a table of kinds, made when they are first asked for, and again when their kinds change. */
const documents = new WeakMap<KindTable, Map<string, OpenApiDocument>>()

/** `/openapi/v3`: where the document of each group and version is; the hash lets clients keep it. */
export function openApiIndex(kinds: KindTable): object {
  const paths = new Set(kinds.all.map(({ resource }) => groupPath(resource.group, resource.version)))
  const entries = [...paths].map((path) => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(kinds, path)}` },
  ])
  return { paths: Object.fromEntries(entries) }
}

function hashOf(kinds: KindTable, path: string): string {
  const document = openApiDocument(kinds, path) ?? Buffer.alloc(0)
  return createHash('sha256').update(document).digest('hex').toUpperCase()
}

/** `/openapi/v3/apis/apps/v1`: paths, kinds and the shapes of their objects. `undefined`: nothing is served there. */
export function openApiDocument(kinds: KindTable, path: string): Buffer | undefined {
  const known = documents.get(kinds) ?? new Map<string, OpenApiDocument>()
  documents.set(kinds, known)
  const served = kinds.all.filter(({ resource }) => groupPath(resource.group, resource.version) === path)
  if (served.length === 0) return undefined
  const found = known.get(path)
  if (found?.served.length === served.length && found.served.every((kind, index) => kind === served[index])) {
    return found.bytes
  }
  const bytes = Buffer.from(JSON.stringify(describe(served)))
  known.set(path, { served, bytes })
  return bytes
}

function describe(served: readonly AnyKind[]): object {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: Object.fromEntries(served.flatMap(pathsOf)),
    components: { schemas: schemasOf(served) },
  }
}

function groupPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
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

function operation({ resource }: AnyKind, action: string, parameters: readonly string[]): object {
  const { group, version, kind } = resource
  const schema = { $ref: `#/components/schemas/${schemaName(kind)}` }
  return {
    parameters: parameters.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}
