/** Every cell of every setting: as it should be, wrong when something is broken on purpose, and right again after. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cell } from '../../src/matrix/cell.ts'
import { cellsOf } from '../../src/matrix/cells/all-cells.ts'
import { isRight, verdictOf } from '../../src/matrix/compare.ts'
import { Lab } from '../../src/matrix/lab.ts'
import { settingsOf } from '../../src/matrix/matrix.ts'
import { measureAll, runCells } from '../../src/matrix/run-cells.ts'
import { builtPrograms } from '../cluster/built-programs.ts'
import { type Break, breaksOf } from './breaks.ts'

const PATIENCE_MS = 60_000
const PAUSE_MS = 20

for (const setting of settingsOf('both', 'both')) {
  const { network, proxyMode } = setting
  describe(`the matrix of ${network} with ${proxyMode}`, () => {
    const cells = cellsOf(setting)
    const breaks = breaksOf(setting, cells)
    let directory: string
    let lab: Lab
    before(async () => {
      builtPrograms()
      directory = mkdtempSync(join(tmpdir(), 'fl-mt-'))
      const roots = { state: join(directory, 'state'), run: join(directory, 'run') }
      const { signal } = new AbortController()
      lab = await Lab.open({ ...setting, name: `t${process.pid}m`, roots, signal })
    })
    after(async () => {
      await lab?.[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    })

    test('every cell is as it should be', async () => {
      const results = await runCells(cells, lab)
      assert.deepEqual(
        results.filter(({ verdict }) => !isRight(verdict)),
        [],
      )
    })

    test('there is no cell that nobody breaks', () => {
      const broken = new Set(breaks.flatMap(({ cells: ids }) => ids))
      assert.deepEqual(
        cells.filter(({ id }) => !broken.has(id)).map(({ id }) => id),
        [],
      )
      assert.deepEqual(
        [...broken].filter((id) => !cells.some((cell) => cell.id === id)),
        [],
      )
    })

    test('what is broken is seen, and that it is mended', { concurrency: true }, async (t) => {
      const run = (one: Break) => t.test(one.name, () => breakAndMend(one, cells, lab))
      const services = new Set(breaks.map(({ service }) => service))
      services.delete(undefined)
      // Those of different Services do not disturb one another.
      const lanes = [...services].map((name) => breaks.filter(({ service }) => service === name))
      await Promise.all(
        lanes.map(async (lane) => {
          for (const one of lane) await run(one)
        }),
      )
      for (const one of breaks.filter(({ service }) => service === undefined)) await run(one)
    })
  })
}

async function breakAndMend({ cells: ids, apply }: Break, cells: readonly Cell[], lab: Lab): Promise<void> {
  const own = cells.filter(({ id }) => ids.includes(id))
  const mend = await apply(lab)
  try {
    await become('wrong', own, lab)
  } finally {
    await mend()
  }
  await become('right', own, lab)
}

/** Until the change has come through, what was goes on. */
async function become(wanted: 'wrong' | 'right', cells: readonly Cell[], lab: Lab): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  let open = [...cells]
  for (;;) {
    const found = await measureAll(open, lab)
    open = open.filter((cell) => {
      const outcome = found.get(cell)
      return outcome === undefined || isRight(verdictOf(cell, outcome)) !== (wanted === 'right')
    })
    if (open.length === 0) return
    if (Date.now() > end) {
      const still = open.map((cell) => `${cell.id}: ${JSON.stringify(found.get(cell))}`)
      assert.fail(`not ${wanted} after ${PATIENCE_MS / 1000} s:\n${still.join('\n')}`)
    }
    await sleep(PAUSE_MS)
  }
}
