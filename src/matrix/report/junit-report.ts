import type { Result } from '../cell.ts'
import { countVerdicts, expected } from '../compare.ts'
import { evidenceOf, measuredText, settingText } from './sections.ts'

/** The matrix as JUnit XML: a suite per cluster, a case per cell; one that could not be measured is an error. */
export function junitReport(results: readonly Result[]): string {
  const suites = new Set(results.map(settingText))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="fairlead matrix" ${totals(results)}>`,
    ...[...suites].flatMap((name) => suite(name, results)),
    '</testsuites>',
  ].join('\n')
}

function totals(results: readonly Result[]): string {
  const counts = countVerdicts(results)
  return `tests="${results.length}" failures="${counts.differs}" errors="${counts['not measured']}"`
}

function suite(name: string, results: readonly Result[]): string[] {
  const own = results.filter((result) => settingText(result) === name)
  return [`  <testsuite name="${escaped(name)}" ${totals(own)}>`, ...own.flatMap(testCase), '  </testsuite>']
}

function testCase(result: Result): string[] {
  const { table, item, column } = result
  return [
    `    <testcase classname="${escaped(table)}" name="${escaped(`${item}: ${column}`)}">`,
    ...problem(result),
    `      <system-out>${escaped(evidenceOf(result).join('\n'))}</system-out>`,
    '    </testcase>',
  ]
}

function problem(result: Result): string[] {
  const wanted = expected(result)
  if (result.verdict === 'not measured') {
    return [`      <error message="${escaped(`not measured: ${evidenceOf(result).join('; ')}`)}"/>`]
  }
  if (result.verdict !== 'differs') return []
  const message = `expected ${wanted?.value ?? 'something'}, measured ${measuredText(result)}`
  return [`      <failure message="${escaped(message)}">${escaped(wanted?.line ?? '')}</failure>`]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Characters that XML 1.0 does not have become a question mark. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
