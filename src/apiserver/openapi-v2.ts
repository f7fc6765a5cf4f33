import type { AnyKind } from '../kube/registry.ts'
import type { KindTable } from './kind-table.ts'

/** Only kubectl up to 1.28 asks for it, with an `@` in place of the last dot but one, which is no legal media type. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/**
 * `/openapi/v2` as protobuf (gnostic `openapiv2.Document`): which kinds take which parameters, by which older kubectl
 * decides whether the server checks fields and does dry runs. Shapes of objects are in the v3 documents only.
 */
export function openApiV2Document(kinds: KindTable): Buffer {
  const paths = Buffer.concat(kinds.all.map((kind) => field(2, pathItem(kind))))
  const info = Buffer.concat([text(1, 'Kubernetes'), text(2, 'v1.36.0')])
  return Buffer.concat([text(1, '2.0'), field(2, info), field(8, paths), field(9, Buffer.alloc(0))])
}

function pathItem({ resource }: AnyKind): Buffer {
  const { group, version, plural, namespaced, kind } = resource
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const path = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) =>
    field(8, queryParameter(name)),
  )
  const gvk = JSON.stringify({ group, kind, version })
  const extension = Buffer.concat([text(1, 'x-kubernetes-group-version-kind'), field(2, text(2, gvk))])
  const patch = Buffer.concat([...parameters, field(13, extension)])
  return Buffer.concat([text(1, path), field(2, field(8, patch))])
}

/** ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema. */
function queryParameter(name: string): Buffer {
  const query = Buffer.concat([text(2, 'query'), text(4, name), text(6, 'string')])
  return field(1, field(2, field(3, query)))
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value))
}

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.byteLength), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
