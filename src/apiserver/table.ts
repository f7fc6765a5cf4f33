import type { AnyKind } from '../kube/registry.ts'
import type { KubeObject, ListMeta } from '../kube/types/meta.ts'
import { partialMetadata } from './partial-metadata.ts'

export interface TableOptions {
  readonly metadata: ListMeta
  readonly include: 'None' | 'Metadata' | 'Object'
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
  /** @default true */
  readonly headers?: boolean
}

/** Objects ready to print (meta/v1 Table), with the columns that kubectl users know. */
export function tableOf(kind: AnyKind, objects: readonly KubeObject[], options: TableOptions): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.headers === false ? [] : columnDefinitions(kind),
    rows: objects.map((object) => row(kind, object, options)),
  }
}

function columnDefinitions(kind: AnyKind): readonly object[] {
  const columns = kind.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? '',
    description,
    priority: priority ?? 0,
  }))
  return kind.nameColumn === false ? columns : [NAME_COLUMN, ...columns]
}

const NAME_COLUMN = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
}

function row(kind: AnyKind, object: KubeObject, { include, now }: TableOptions): object {
  const cells = kind.columns.map((column) => cellOf(() => column.cell(object, now)))
  return {
    cells: kind.nameColumn === false ? cells : [object.metadata.name, ...cells],
    ...(include === 'None' ? {} : { object: include === 'Object' ? object : partialMetadata(object) }),
  }
}

/** An object may lack what its column shows, since little of it is required; others must be shown all the same. */
function cellOf<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (error instanceof TypeError) return '<unknown>'
    throw error
  }
}
