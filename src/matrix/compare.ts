import { errorMessage } from '../base/error.ts'
import type { Cell, Outcome, Result, Setting, Statement, Verdict } from './cell.ts'

type Expectation = Pick<Cell, 'documented' | 'upstream'>

/** What must be measured for a cell to be right: the document's word, unless upstream's holds instead. */
export function expected({ documented, upstream }: Expectation): Statement | undefined {
  return upstream?.holds === true ? upstream : documented
}

/** Whether a cell is as it should be, and by whose word. A cell that could not be measured never is. */
export function verdictOf(cell: Expectation, outcome: Outcome): Verdict {
  if (outcome.kind === 'failed') return 'not measured'
  const wanted = expected(cell)
  if (wanted === undefined || outcome.measurement.value !== wanted.value) return 'differs'
  return cell.documented?.value === wanted.value ? 'as documented' : 'as upstream'
}

export function isRight(verdict: Verdict): boolean {
  return verdict === 'as documented' || verdict === 'as upstream'
}

/** How often each verdict was given. */
export function countVerdicts(results: readonly Pick<Result, 'verdict'>[]): Readonly<Record<Verdict, number>> {
  const counts = { 'as documented': 0, 'as upstream': 0, differs: 0, 'not measured': 0 }
  for (const { verdict } of results) counts[verdict] += 1
  return counts
}

export function resultOf(cell: Cell, setting: Setting, found: { outcome: Outcome; attempts: number }): Result {
  const { id, table, item, column, documented, upstream } = cell
  return {
    network: setting.network,
    proxyMode: setting.proxyMode,
    id,
    table,
    item,
    column,
    ...(documented === undefined ? {} : { documented }),
    ...(upstream === undefined ? {} : { upstream }),
    ...found,
    verdict: verdictOf(cell, found.outcome),
  }
}

/** What a measurement that throws has to say. */
export function failed(error: unknown): Outcome {
  return { kind: 'failed', why: errorMessage(error) }
}
