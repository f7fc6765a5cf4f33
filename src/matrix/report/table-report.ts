import type { Result } from '../cell.ts'
import { isRight } from '../compare.ts'
import { evidenceOf, measuredText, notesOf, sectionsOf, summaryText } from './sections.ts'

/** What a person at a terminal reads: rows of cells, columns still to be aligned. */
export interface TableSection {
  readonly title: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Below the table: notes, and what is wrong in full. */
  readonly lines: readonly string[]
}

const EVIDENCE_LENGTH = 90

export function tableSections(results: readonly Result[]): TableSection[] {
  return sectionsOf(results).map(({ setting, table, results: own }) => {
    const notes = notesOf(own)
    return {
      title: `${table} (${setting})`,
      header: ['ITEM', 'CASE', 'DOCUMENTED', 'UPSTREAM', 'MEASURED', 'VERDICT', 'EVIDENCE'],
      rows: own.map((result) => rowOf(result, notes)),
      lines: [
        ...notes.map((note, index) => `[${index + 1}] ${note}`),
        ...own.filter(({ verdict }) => !isRight(verdict)).flatMap(wrongLines),
      ],
    }
  })
}

export function tableSummary(results: readonly Result[]): string {
  return `${results.length} cells: ${summaryText(results)}`
}

function rowOf(result: Result, notes: readonly string[]): string[] {
  const { item, column, documented, upstream, verdict } = result
  const note = upstream === undefined ? '' : ` [${notes.indexOf(upstream.line) + 1}]`
  return [
    item,
    column,
    documented?.value ?? '-',
    upstream === undefined ? '' : `${upstream.value}${note}`,
    measuredText(result),
    verdict,
    clipped(evidenceOf(result).join('; ')),
  ]
}

function clipped(text: string): string {
  return text.length <= EVIDENCE_LENGTH ? text : `${text.slice(0, EVIDENCE_LENGTH - 1)}…`
}

function wrongLines(result: Result): string[] {
  const { item, column, documented, upstream, verdict } = result
  const said = upstream?.holds === true ? upstream : documented
  return [
    `${verdict}: ${item}, ${column}: ${said?.value ?? 'something'} is expected, ${measuredText(result)} was found`,
    `  expected by: ${said?.line ?? 'nobody'}`,
    ...evidenceOf(result).map((line) => `  ${line}`),
  ]
}
