import type { Column } from '../kind.ts'
import { ageCell, ageColumn } from '../kinds/printing.ts'
import type { PrinterColumn } from '../types/custom-resource-definition.ts'
import type { KubeObject } from '../types/meta.ts'
import { followJsonPath, type JsonPath, parseJsonPath } from './json-path.ts'

/** The columns that a definition asks for; the age where it asks for none. */
export function printerColumns(columns: readonly PrinterColumn[] | undefined): readonly Column<KubeObject>[] {
  if (columns === undefined || columns.length === 0) return [ageColumn]
  return columns.flatMap((column) => {
    const path = parseJsonPath(column.jsonPath)
    return path === undefined ? [] : [columnOf(column, path)]
  })
}

function columnOf({ name, type, description, priority }: PrinterColumn, path: JsonPath): Column<KubeObject> {
  return {
    name,
    type: typeOf(type),
    description: description ?? '',
    priority: priority === undefined || priority === 0 ? 0 : 1,
    cell: (object, now) => cellOf(type, followJsonPath(path, object)[0], now),
  }
}

function typeOf(type: string): Column<KubeObject>['type'] {
  return type === 'integer' || type === 'number' || type === 'boolean' || type === 'date' ? type : 'string'
}

/** A value that is not of the column's type is shown as if there were none. */
function cellOf(type: string, value: unknown, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? ageCell(value, now) : null
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
}
