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
  /** Of a table that others follow with the same columns: only those that are always there. @default false */
  readonly isOneOfMany?: boolean
}

/** What of a kind a table shows. */
export type Printed = Pick<AnyKind, 'columns' | 'nameColumn'>

/** Objects ready to print (meta/v1 Table), with the columns that kubectl users know. */
export function tableOf(kind: Printed, objects: readonly KubeObject[], options: TableOptions): object {
  const columns = kind.columns.filter(
    ({ onlyWhere }) => onlyWhere === undefined || (options.isOneOfMany !== true && objects.some(onlyWhere)),
  )
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.headers === false ? [] : columnDefinitions(kind, columns),
    rows: objects.map((object) => row(object, { kind, columns, options })),
  }
}

function columnDefinitions(kind: Printed, shown: AnyKind['columns']): readonly object[] {
  const columns = shown.map(({ name, type, format, description, priority }) => ({
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

interface RowForm {
  readonly kind: Printed
  readonly columns: AnyKind['columns']
  readonly options: TableOptions
}

function row(object: KubeObject, { kind, columns, options: { include, now } }: RowForm): object {
  const cells = columns.map((column) => cellOf(() => column.cell(object, now)))
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
