/** Every cell of every setting: as it should be, wrong when something is broken on purpose, and right again after. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LayoutRoots } from '../../src/cluster/layout.ts'
import type { Cell, Outcome } from '../../src/matrix/cell.ts'
import { cellsOf } from '../../src/matrix/cells/all-cells.ts'
import { isRight, verdictOf } from '../../src/matrix/compare.ts'
import { POLICIES } from '../../src/matrix/documented.ts'
import { Lab } from '../../src/matrix/lab.ts'
import { settingsOf } from '../../src/matrix/matrix.ts'
import { measuredText, settingText } from '../../src/matrix/report/sections.ts'
import { measureAll, runCells } from '../../src/matrix/run-cells.ts'
import { balancerName } from '../../src/matrix/scene.ts'
import { builtPrograms } from '../cluster/built-programs.ts'
import { type Break, breaksOf, patch } from './breaks.ts'
import { atlasOfCluster, forecastValues } from './forecasts.ts'

/** What was measured, by setting and cell. */
const measured = new Map<string, ReadonlyMap<string, string>>()
/** What whatif says of a cluster with the other network, by setting and cell. */
const forecasts = new Map<string, ReadonlyMap<string, string>>()

const PATIENCE_MS = 60_000
const PAUSE_MS = 20

for (const setting of settingsOf('both', 'both')) {
  const { network, proxyMode } = setting
  describe(`the matrix of ${network} with ${proxyMode}`, () => {
    const cells = cellsOf(setting)
    const breaks = breaksOf(setting, cells)
    let directory: string
    let lab: Lab
    let roots: Required<LayoutRoots>
    before(async () => {
      builtPrograms()
      directory = mkdtempSync(join(tmpdir(), 'fl-mt-'))
      roots = { state: join(directory, 'state'), run: join(directory, 'run') }
      const { signal } = new AbortController()
      lab = await Lab.open({ ...setting, name: `t${process.pid}m`, roots, signal })
    })
    after(async () => {
      await lab?.[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    })

    test('every cell is as it should be', async () => {
      const results = await runCells(cells, lab)
      measured.set(settingText(setting), new Map(results.map((result) => [result.id, measuredText(result)])))
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

    test('a change of the policy does what whatif says', async () => {
      const atlas = await atlasOfCluster(lab.cluster.spec.name, roots)
      await Promise.all(
        POLICIES.map(async (policy) => {
          const other = policy === 'Local' ? 'Cluster' : 'Local'
          const wanted = forecastValues(atlas, policy, [`externalTrafficPolicy=${other}`])
          const own = cells.filter(({ id }) => wanted.has(id))
          const { apply } = patch(
            balancerName(policy),
            { spec: { externalTrafficPolicy: other } },
            { spec: { externalTrafficPolicy: policy } },
          )
          const mend = await apply(lab)
          try {
            await until('as whatif says', { cells: own, lab, isSo: ({ id }, value) => value === wanted.get(id) })
          } finally {
            await mend()
          }
          await become('right', own, lab)
        }),
      )
    })

    test('a cluster with the other network does what whatif says', async (t) => {
      const atlas = await atlasOfCluster(lab.cluster.spec.name, roots)
      const other = { network: network === 'flannel' ? 'terway-eniip' : 'flannel', proxyMode } as const
      const said = POLICIES.flatMap((policy) => [...forecastValues(atlas, policy, [`network=${other.network}`])])
      forecasts.set(settingText(other), new Map(said))
      const pairs = [setting, other].flatMap((one) => {
        const [forecast, found] = [forecasts.get(settingText(one)), measured.get(settingText(one))]
        return forecast === undefined || found === undefined ? [] : [{ forecast, found }]
      })
      // The first of the two networks has nobody to be compared with yet.
      if (pairs.length === 0) return t.skip('the other network is measured later')
      for (const { forecast, found } of pairs) {
        assert.deepEqual(new Map([...forecast.keys()].map((id) => [id, found.get(id)])), forecast)
      }
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
function become(wanted: 'wrong' | 'right', cells: readonly Cell[], lab: Lab): Promise<void> {
  const isSo: Waiting['isSo'] = (cell, _, outcome) => isRight(verdictOf(cell, outcome)) === (wanted === 'right')
  return until(wanted, { cells, lab, isSo })
}

interface Waiting {
  readonly cells: readonly Cell[]
  readonly lab: Lab
  /** What was measured, where something was. */
  readonly isSo: (cell: Cell, value: string | undefined, outcome: Outcome) => boolean
}

async function until(wanted: string, { cells, lab, isSo }: Waiting): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  let open = [...cells]
  for (;;) {
    const found = await measureAll(open, lab)
    open = open.filter((cell) => {
      const outcome = found.get(cell)
      if (outcome === undefined) return true
      return !isSo(cell, outcome.kind === 'measured' ? outcome.measurement.value : undefined, outcome)
    })
    if (open.length === 0) return
    if (Date.now() > end) {
      const still = open.map((cell) => `${cell.id}: ${JSON.stringify(found.get(cell))}`)
      assert.fail(`not ${wanted} after ${PATIENCE_MS / 1000} s:\n${still.join('\n')}`)
    }
    await sleep(PAUSE_MS)
  }
}
