import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { type DiskOptions, diskAfter } from './crashed-disk.ts'
import { examine } from './pairs.ts'
import { readTrace, STRACE_ARGUMENTS, type TraceStep } from './write-trace.ts'

const PAIRS = 220
const CRASHES = 150
/** To see a failure again: `FAIRLEAD_FUZZ_SEED=<number>`. */
const seed = Number(process.env.FAIRLEAD_FUZZ_SEED ?? randomInt(2 ** 31 - 1))
const writer = fileURLToPath(new URL('./pair-writer.ts', import.meta.url))
const disk = fileURLToPath(new URL('./disk-image-child.ts', import.meta.url))
const noStrace = spawnSync('strace', ['-V']).status === 0 ? false : 'strace is not installed'
const noLoop = loopDevices()

test('whatever of the writes a power loss keeps, all that was acknowledged is there', { skip: noStrace }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-power-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const { steps } = recordWhole(directory)
  const crash = crashTester(directory, steps)
  t.diagnostic(`seed ${seed}, ${steps.length} steps, ${CRASHES} crashes`)
  await fc.assert(
    fc.asyncProperty(fc.nat(steps.length), fc.infiniteStream(fc.boolean()), async (at, kept) => {
      assert.deepEqual(await crash(at, { keep: () => kept.next().value ?? false }), [])
    }),
    { seed, numRuns: CRASHES },
  )
  // Were the last page of a commit not written through to the disk, this test would tell.
  const after = steps.findLastIndex((step) => step.do === 'print') + 1
  const forgetful = await crash(after, { keep: () => false, forgetful: true })
  assert.ok(
    forgetful.some((problem) => problem.endsWith('is lost')),
    String(forgetful),
  )
})

test('a disk that is taken away while the store writes has all that was acknowledged', { skip: noLoop }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-power-'))
  try {
    const child = spawnSync('unshare', ['--mount', process.execPath, '--import', 'tsx', disk, directory], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
    })
    assert.equal(child.status, 0)
    const { acknowledged, problems, unsynced } = JSON.parse(child.stdout)
    assert.ok(acknowledged >= 300, `${acknowledged} were acknowledged`)
    assert.deepEqual(problems, [])
    // What was only in memory is not on the disk: so the disk shows what a power loss leaves.
    assert.equal(unsynced, 'lost')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

function loopDevices(): false | string {
  if (process.getuid?.() !== 0) return 'mounting needs root'
  if (spawnSync('mkfs.ext4', ['-V']).status !== 0) return 'mkfs.ext4 is not installed'
  return spawnSync('losetup', ['--find']).status === 0 ? false : 'there are no loop devices'
}

const RECORDINGS = 4

/**
 * A record that leads to the file as it is: nothing was written in a way that it does not show. On a busy machine strace
 * now and then writes two threads' calls down in another order than they were made; then the writer is run again.
 */
function recordWhole(directory: string): ReturnType<typeof record> {
  for (let n = 0; n < RECORDINGS; n += 1) {
    const place = join(directory, `record-${n}`)
    mkdirSync(place)
    const recorded = record(place)
    const { steps, file } = recorded
    const replayed = diskAfter(steps, steps.length, { keep: () => true })
    if (replayed.bytes.equals(readFileSync(file)) && replayed.acknowledged.length === PAIRS) return recorded
  }
  assert.fail(`none of ${RECORDINGS} records leads to the file`)
}

/** Runs the writer under strace. */
function record(directory: string): { readonly steps: readonly TraceStep[]; readonly file: string } {
  const store = join(directory, 'store')
  const trace = join(directory, 'trace')
  const command = [process.execPath, '--import', 'tsx', writer, store, String(PAIRS), '3']
  const { status } = spawnSync('strace', [...STRACE_ARGUMENTS, '-o', trace, ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 60_000,
  })
  assert.equal(status, 0)
  const file = join(store, 'data.mdb')
  return { steps: readTrace(readFileSync(trace, 'latin1'), file), file }
}

/** Lays out what a crash leaves, and examines it. */
function crashTester(directory: string, steps: readonly TraceStep[]) {
  let count = 0
  return async (at: number, options: DiskOptions): Promise<string[]> => {
    const place = join(directory, `crash-${count++}`)
    mkdirSync(place)
    const { bytes, acknowledged } = diskAfter(steps, at, options)
    if (bytes.byteLength > 0) writeFileSync(join(place, 'data.mdb'), bytes)
    const problems = await examine(place, acknowledged)
    rmSync(place, { recursive: true })
    return problems
  }
}
