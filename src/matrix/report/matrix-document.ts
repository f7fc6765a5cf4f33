import type { Result, Verdict } from '../cell.ts'
import { countVerdicts } from '../compare.ts'

/** What `-o json` prints. Fields are added, never changed. */
export interface MatrixDocument {
  readonly apiVersion: 'fairlead.dev/v1'
  readonly kind: 'Matrix'
  readonly summary: Readonly<Record<Verdict, number>>
  readonly cells: readonly Result[]
}

export function matrixDocument(results: readonly Result[]): MatrixDocument {
  return { apiVersion: 'fairlead.dev/v1', kind: 'Matrix', summary: countVerdicts(results), cells: results }
}
