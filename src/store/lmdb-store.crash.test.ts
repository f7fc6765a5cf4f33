import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { openLmdbStore } from './lmdb-store.ts'

const KILLS = 5
/** The child forgets numbers this much below the ones it writes. */
const KEPT = 200
const writer = fileURLToPath(new URL('./crash-writer.test-child.ts', import.meta.url))

describe('lmdb store, killed with -9 while it writes', () => {
  it('has every acknowledged transaction, and none by half', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-store-'))
    try {
      let revision = 1
      for (let kill = 1; kill <= KILLS; kill++) {
        const acknowledged = await writeUntilKilled(directory, kill * 97)
        revision = await check(directory, acknowledged, revision)
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

/** Lets a process write with 16 concurrent writers, and kills it after so many acknowledgements. */
async function writeUntilKilled(directory: string, count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', writer, directory, '16'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const acknowledged: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line))
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  const [, signal] = await exited
  assert.equal(signal, 'SIGKILL')
  return acknowledged
}

async function check(directory: string, acknowledged: readonly number[], before: number): Promise<number> {
  await using store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
  const newest = Math.max(...store.list('/left/').entries.map(({ key }) => numberOf(key)))
  for (const number of acknowledged) {
    if (number <= newest - KEPT) continue
    const left = store.get(`/left/${number}`)
    assert.ok(left !== undefined, `acknowledged ${number} is lost`)
    assert.ok(Buffer.from(left.value).toString().startsWith(`${number}.`), `${number} has its own value`)
  }
  const rights = store.list('/right/').entries
  assert.deepEqual(
    store.list('/left/').entries.map(({ key, modRevision }) => [numberOf(key), modRevision]),
    rights.map(({ key, modRevision }) => [numberOf(key), modRevision]),
  )
  assert.ok(store.revision() >= before + acknowledged.length)
  return store.revision()
}

function numberOf(key: string): number {
  return Number(key.split('/')[2])
}
