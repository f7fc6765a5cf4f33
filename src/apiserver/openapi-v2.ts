import type { AnyKind } from '../kube/registry.ts'
import { WireWriter } from '../kube/schema/wire-writer.ts'
import type { KindTable } from './kind-table.ts'

/** Only kubectl up to 1.28 asks for it, with an `@` in place of the last dot but one, which is no legal media type. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/**
 * `/openapi/v2` as protobuf (gnostic `openapiv2.Document`): which kinds take which parameters, by which older kubectl
 * decides whether the server checks fields and does dry runs. Shapes of objects are in the v3 documents only.
 */
export function openApiV2Document(kinds: KindTable): Buffer {
  const document = new WireWriter()
  document.text(1, '2.0')
  document.message(2, (info) => {
    info.text(1, 'Kubernetes')
    info.text(2, 'v1.36.0')
  })
  document.message(8, (paths) => {
    for (const kind of kinds.all) paths.message(2, (item) => writePath(item, kind))
  })
  document.message(9, () => {})
  return document.finish()
}

function writePath(item: WireWriter, { resource }: AnyKind): void {
  const { group, version, plural, namespaced, kind } = resource
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  item.text(1, `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`)
  item.message(2, (operations) => operations.message(8, (patch) => writePatch(patch, { group, kind, version })))
}

function writePatch(patch: WireWriter, gvk: { group: string; kind: string; version: string }): void {
  for (const name of ['dryRun', 'fieldManager', 'fieldValidation', 'force']) {
    patch.message(8, (item) => writeQueryParameter(item, name))
  }
  patch.message(13, (extension) => {
    extension.text(1, 'x-kubernetes-group-version-kind')
    extension.message(2, (any) => any.text(2, JSON.stringify(gvk)))
  })
}

/** ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema. */
function writeQueryParameter(item: WireWriter, name: string): void {
  item.message(1, (parameter) =>
    parameter.message(2, (nonBody) =>
      nonBody.message(3, (query) => {
        query.text(2, 'query')
        query.text(4, name)
        query.text(6, 'string')
      }),
    ),
  )
}
