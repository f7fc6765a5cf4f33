import type { Cell, Outcome, Result } from './cell.ts'
import { failed, isRight, resultOf, verdictOf } from './compare.ts'
import type { Lab } from './lab.ts'

/** A cell that is not as expected is measured again: a machine that is busy may lose a packet. */
const ATTEMPTS = 3
const PAUSE_MS = 1_000

/** Measures all cells, and those that are not as expected again; what was found last counts. */
export async function runCells(cells: readonly Cell[], lab: Lab): Promise<Result[]> {
  const found = new Map<Cell, Outcome>()
  const attempts = new Map<Cell, number>()
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const open = cells.filter((cell) => !isDone(cell, found.get(cell)))
    if (open.length === 0) break
    if (attempt > 1) await lab.clock.sleep(PAUSE_MS, lab.signal)
    for (const [cell, outcome] of await measureAll(open, lab)) {
      found.set(cell, outcome)
      attempts.set(cell, attempt)
    }
  }
  return cells.map((cell) => {
    const outcome = found.get(cell) ?? failed('it was not measured')
    return resultOf(cell, lab.setting, { outcome, attempts: attempts.get(cell) ?? 0 })
  })
}

function isDone(cell: Cell, outcome: Outcome | undefined): boolean {
  return outcome !== undefined && isRight(verdictOf(cell, outcome))
}

/** At once, but for those that ask the same Service: they would take each other's turns. */
export async function measureAll(cells: readonly Cell[], lab: Lab): Promise<ReadonlyMap<Cell, Outcome>> {
  const queues = new Map<string, Cell[]>()
  for (const cell of cells) {
    const key = cell.services.join()
    const queue = queues.get(key)
    if (queue === undefined) queues.set(key, [cell])
    else queue.push(cell)
  }
  const found = new Map<Cell, Outcome>()
  await Promise.all(
    [...queues.values()].map(async (queue) => {
      for (const cell of queue) found.set(cell, await measureOne(cell, lab))
    }),
  )
  return found
}

export async function measureOne(cell: Cell, lab: Lab): Promise<Outcome> {
  lab.signal.throwIfAborted()
  try {
    return { kind: 'measured', measurement: await cell.measure(lab) }
  } catch (error) {
    if (lab.signal.aborted) throw error
    return failed(error)
  }
}
