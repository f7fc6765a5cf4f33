import type { Result } from '../cell.ts'
import { evidenceOf, measuredText, notesOf, type Section, sectionsOf, summaryText } from './sections.ts'

/** The matrix as Markdown, with all evidence. */
export function markdownReport(results: readonly Result[]): string {
  const parts = sectionsOf(results).map(sectionText)
  return ['# Service matrix', `${results.length} cells: ${summaryText(results)}.`, ...parts].join('\n\n')
}

const HEADER = ['Item', 'Case', 'Documented', 'Upstream', 'Measured', 'Verdict', 'Evidence']

function sectionText({ setting, table, results }: Section): string {
  const notes = notesOf(results)
  const rows = results.map((result) => line(cellsOf(result, notes)))
  const list = notes.map((note, index) => `${index + 1}. ${escaped(note)}`)
  const lines = [`## ${table} (${setting})`, '', line(HEADER), line(HEADER.map(() => '---')), ...rows]
  return [...lines, ...(list.length === 0 ? [] : ['', ...list])].join('\n')
}

function cellsOf(result: Result, notes: readonly string[]): string[] {
  const { item, column, documented, upstream, verdict } = result
  return [
    escaped(item),
    escaped(column),
    escaped(documented?.value ?? '–'),
    upstream === undefined ? '' : escaped(`${upstream.value} (${notes.indexOf(upstream.line) + 1})`),
    escaped(measuredText(result)),
    verdict,
    evidenceOf(result).map(escaped).join('<br>'),
  ]
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** A cell is one line, and its text is no markup. */
function escaped(text: string): string {
  return text.replaceAll(/[\\|<>*_`[\]&#]/g, (character) => `\\${character}`).replaceAll(/\s+/g, ' ')
}
