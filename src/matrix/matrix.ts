import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { listClusters } from '../cluster/admin-access.ts'
import { isClusterRun } from '../cluster/cluster-lock.ts'
import type { PodNetworkKind } from '../cluster/cluster-spec.ts'
import { POD_NETWORKS } from '../cluster/cluster-spec.ts'
import type { LayoutRoots } from '../cluster/layout.ts'
import { removeCluster } from '../cluster/remove-cluster.ts'
import type { ProxyMode } from '../proxy/server/proxy-configuration.ts'
import type { Result, Setting } from './cell.ts'
import { cellsOf } from './cells/all-cells.ts'
import { Lab } from './lab.ts'
import { runCells } from './run-cells.ts'

const PROXY_MODES = ['nftables', 'ipvs'] as const satisfies readonly ProxyMode[]

export interface MatrixOptions {
  readonly settings: readonly Setting[]
  /** Ends the experiment; its cluster is removed all the same. */
  readonly signal: AbortSignal
  readonly onProgress?: (setting: Setting, text: string) => void
}

/** All combinations of what is asked for. */
export function settingsOf(network: PodNetworkKind | 'both', proxyMode: ProxyMode | 'both'): Setting[] {
  const networks = network === 'both' ? POD_NETWORKS : [network]
  const modes = proxyMode === 'both' ? PROXY_MODES : [proxyMode]
  return networks.flatMap((one) => modes.map((mode) => ({ network: one, proxyMode: mode })))
}

/**
 * Measures every cell of the document's tables, each setting on a cluster of its own. Other clusters of the machine are
 * left alone, and nothing stays.
 *
 * @throws FairleadError where no cluster can be started, `signal.reason` when it is ended
 */
export async function runMatrix({ settings, signal, onProgress = () => {} }: MatrixOptions): Promise<Result[]> {
  const place = requirePlace()
  await removeForsaken(place)
  const results: Result[] = []
  for (const setting of settings) {
    using home = openHome(place)
    const tell = (text: string) => onProgress(setting, text)
    await using lab = await Lab.open({ ...setting, ...home, signal, onProgress: tell })
    const cells = cellsOf(setting)
    results.push(...(await runCells(cells, lab)))
    tell(`${cells.length} cells measured`)
  }
  return results
}

const HOME_PREFIX = 'fl-matrix-'
/** Names of sockets have 108 bytes (unix(7)), and those in a cluster's directories need the rest. */
const LONGEST_TMPDIR = 34

/** @throws FairleadError `INVALID_INPUT` */
function requirePlace(): string {
  const place = tmpdir()
  const problem =
    place.length > LONGEST_TMPDIR
      ? 'names of sockets would be too long'
      : existsSync(place)
        ? ''
        : 'there is no such directory'
  if (problem === '') return place
  const hint = 'Set TMPDIR to a short path such as /tmp'
  throw new FairleadError('INVALID_INPUT', `Cannot keep clusters in ${place}: ${problem}`, { hint })
}

interface Home extends Disposable {
  readonly name: string
  readonly roots: Required<LayoutRoots>
}

function openHome(place: string): Home {
  const directory = mkdtempSync(join(place, HOME_PREFIX))
  return {
    name: `matrix-${process.pid}`,
    roots: rootsIn(directory),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

function rootsIn(directory: string): Required<LayoutRoots> {
  return { state: join(directory, 'state'), run: join(directory, 'run') }
}

/** Clusters of experiments that were killed. One that still starts has its lock before it has anything else. */
async function removeForsaken(place: string): Promise<void> {
  for (const entry of readdirSync(place)) {
    const directory = join(place, entry)
    if (!entry.startsWith(HOME_PREFIX) || !isOurs(directory)) continue
    const roots = rootsIn(directory)
    const names = listClusters(roots)
    const running = await Promise.all(names.map((name) => isClusterRun(name, roots)))
    if (names.length === 0 || running.includes(true)) continue
    for (const name of names) await removeCluster({ name, roots, clock: systemClock, log: silentLog })
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Anybody may put something of that name there. */
function isOurs(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false })
  return stat?.isDirectory() === true && stat.uid === process.getuid?.()
}
