import { unreachable } from '../../base/error.ts'
import type { PodNetworkKind } from '../../cluster/cluster-spec.ts'
import { requireRoot } from '../../cluster/preflight.ts'
import type { Result } from '../../matrix/cell.ts'
import { isRight } from '../../matrix/compare.ts'
import { runMatrix, settingsOf } from '../../matrix/matrix.ts'
import { junitReport } from '../../matrix/report/junit-report.ts'
import { markdownReport } from '../../matrix/report/markdown-report.ts'
import { matrixDocument } from '../../matrix/report/matrix-document.ts'
import { settingText, summaryText } from '../../matrix/report/sections.ts'
import { tableSections, tableSummary } from '../../matrix/report/table-report.ts'
import type { ProxyMode } from '../../proxy/server/proxy-configuration.ts'
import { catchInterrupt, INTERRUPTED } from '../catch-interrupt.ts'
import { done, formatTable, paint, print, say } from '../output.ts'

export interface MatrixCommandOptions {
  readonly network: PodNetworkKind | 'both'
  readonly proxyMode: ProxyMode | 'both'
  readonly output: 'table' | 'json' | 'md' | 'junit'
}

/** Measures the document's tables. Exit code 0 when every cell is as it should be, 1 when one is not. */
export async function matrix({ network, proxyMode, output }: MatrixCommandOptions): Promise<number> {
  requireRoot()
  const stop = new AbortController()
  catchInterrupt().asked.then(() => stop.abort())
  try {
    const results = await runMatrix({
      settings: settingsOf(network, proxyMode),
      signal: stop.signal,
      onProgress: (setting, text) => done(`${settingText(setting)}: ${text}`),
    })
    printReport(results, output)
    return verdict(results)
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED
    throw error
  }
}

function printReport(results: readonly Result[], output: MatrixCommandOptions['output']): void {
  if (output === 'table') printTable(results)
  else print(reportText(results, output))
}

function reportText(results: readonly Result[], output: Exclude<MatrixCommandOptions['output'], 'table'>): string {
  switch (output) {
    case 'json':
      return JSON.stringify(matrixDocument(results), undefined, 2)
    case 'md':
      return markdownReport(results)
    case 'junit':
      return junitReport(results)
    default:
      return unreachable(output)
  }
}

function printTable(results: readonly Result[]): void {
  for (const { title, header, rows, lines } of tableSections(results)) {
    print(paint('bold', title, process.stdout))
    print(formatTable(header, rows))
    for (const line of lines) print(line)
    print('')
  }
  print(tableSummary(results))
}

function verdict(results: readonly Result[]): number {
  if (results.every((result) => isRight(result.verdict))) {
    done(summaryText(results))
    return 0
  }
  say(` ${paint('red', '✗')} ${summaryText(results)}`)
  return 1
}
