/** What the printed reports have in common: results by cluster and table, as short texts. */
import type { Result } from '../cell.ts'
import { countVerdicts } from '../compare.ts'

export interface Section {
  /** `flannel, proxy mode ipvs` */
  readonly setting: string
  readonly table: string
  readonly results: readonly Result[]
}

/** In the order of the results; each cluster's tables one after the other. */
export function sectionsOf(results: readonly Result[]): Section[] {
  const sections = new Map<string, { setting: string; table: string; results: Result[] }>()
  for (const result of results) {
    const { table } = result
    const setting = settingText(result)
    const key = `${setting}\n${table}`
    const section = sections.get(key) ?? { setting, table, results: [] }
    sections.set(key, section)
    section.results.push(result)
  }
  return [...sections.values()]
}

export function settingText({ network, proxyMode }: Pick<Result, 'network' | 'proxyMode'>): string {
  return `${network}, proxy mode ${proxyMode}`
}

export function measuredText({ outcome }: Result): string {
  return outcome.kind === 'measured' ? outcome.measurement.value : 'not measured'
}

/** Who answered, what is attached; for a cell that could not be measured, why. */
export function evidenceOf({ outcome }: Result): readonly string[] {
  return outcome.kind === 'measured' ? outcome.measurement.evidence : [outcome.why]
}

/** Why upstream's value stands beside the document's, each reason once. */
export function notesOf(results: readonly Result[]): string[] {
  return [...new Set(results.flatMap(({ upstream }) => (upstream === undefined ? [] : [upstream.line])))]
}

/** `250 as documented, 10 as upstream, 0 differ, 0 not measured` */
export function summaryText(results: readonly Result[]): string {
  const counts = countVerdicts(results)
  const parts = [
    `${counts['as documented']} as documented`,
    `${counts['as upstream']} as upstream`,
    `${counts.differs} ${counts.differs === 1 ? 'differs' : 'differ'}`,
    `${counts['not measured']} not measured`,
  ]
  return parts.join(', ')
}
