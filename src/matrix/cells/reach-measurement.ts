import type { Measurement } from '../cell.ts'
import { VALUES } from '../documented.ts'
import { type Reach, tally } from '../experiments.ts'

/** Reachable is what every way to it leads to. */
export function reachMeasurement(ways: readonly { readonly where: string; readonly found: Reach }[]): Measurement {
  const all = ways.length > 0 && ways.every(({ found }) => found.kind === 'answered')
  return {
    value: all ? VALUES.reachable : VALUES.unreachable,
    evidence: ways.map(({ where, found }) =>
      found.kind === 'answered'
        ? `${where} answers: ${tally(found.answers.map(({ pod, node }) => `${pod} on ${node}`))}, which saw ${tally(found.answers.map(({ client }) => client.replace(/:\d+$/, '')))}`
        : `${where}: ${found.how}`,
    ),
  }
}
