import type { Cell, Setting } from '../cell.ts'
import { namedFailure, policyCells } from './policy-cells.ts'
import { typeCells } from './type-cells.ts'

/** Every cell of a setting, in the order of the document's tables; what belongs to a row stands together. */
export function cellsOf(setting: Setting): Cell[] {
  const cells = [...typeCells(setting), ...namedFailure(setting), ...policyCells(setting)]
  const rows = new Set(cells.map(rowOf))
  return [...rows].flatMap((row) => cells.filter((cell) => rowOf(cell) === row))
}

function rowOf({ table, item }: Cell): string {
  return `${table}/${item}`
}
