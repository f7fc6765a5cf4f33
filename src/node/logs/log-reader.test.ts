import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { LogKeeper } from './log-keeper.ts'
import { formatLogTime, type LogSelection, readLog } from './log-reader.ts'
import { decodeMarks, encodeMarks, offsetSince, readMarks, timeAt } from './log-times.ts'

const WHOLE: LogSelection = { follow: false, timestamps: false }

let directory = ''
let path = ''
let keeper: LogKeeper

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fl-logs-'))
  path = join(directory, '0.log')
  appendFileSync(path, '')
  keeper = new LogKeeper({ clock: systemClock, log: silentLog, keptBytes: 64 * 1024 })
})
afterEach(() => {
  keeper[Symbol.dispose]()
  rmSync(directory, { recursive: true })
})

async function read(selection: Partial<LogSelection> = {}, signal = new AbortController().signal): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of readLog({ path, keeper, signal }, { ...WHOLE, ...selection })) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe('times of lines', () => {
  test('marks in bytes', () => {
    const marks = [
      { offset: 0, time: 1 },
      { offset: 300, time: 2.5 },
    ]
    assert.equal(
      encodeMarks(marks).toString('hex'),
      '0000000000000000' + '000000000000f03f' + '0000000000c07240' + '0000000000000440',
    )
    assert.deepEqual(decodeMarks(encodeMarks(marks)), marks)
    // A mark that the end of the agent cut off.
    assert.deepEqual(decodeMarks(encodeMarks(marks).subarray(0, 31)), marks.slice(0, 1))
  })
  test('a byte was written when the log first was longer than where it is', () => {
    const marks = [0, 10, 20].map((offset) => ({ offset, time: offset + 100 }))
    assert.deepEqual(
      [0, 9, 10, 19, 20, 99].map((offset) => timeAt(marks, offset)),
      [110, 110, 120, 120, 120, 120],
    )
    assert.deepEqual(
      [0, 110, 111, 120, 121].map((time) => offsetSince(marks, time)),
      [0, 0, 10, 10, 20],
    )
    assert.equal(timeAt([], 5), undefined)
    assert.equal(offsetSince([], 5), 0)
  })
  test('are those of what was written, also for another agent', async () => {
    keeper.keep(path)
    appendFileSync(path, 'one\n')
    keeper.release(path)
    const [begin, end] = readMarks(path)
    assert.deepEqual([begin?.offset, end?.offset], [0, 4])
    assert.equal(await read({ timestamps: true }), `${formatLogTime(end?.time ?? 0)} one\n`)
    assert.equal(await read({ since: (end?.time ?? 0) + 1 }), '')
    assert.equal(await read({ since: end?.time ?? 0 }), 'one\n')
    assert.match(formatLogTime(1234.5678), /^1970-01-01T00:00:01\.234000000Z$/)
  })
})

describe('a log', () => {
  test('any part of any lines is what an array of lines has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 9 }).map((line) => line.replaceAll('\n', ''))),
        fc.boolean(),
        fc.nat(12),
        fc.integer({ min: 1, max: 40 }),
        async (lines, whole, tailLines, limitBytes) => {
          rmSync(path)
          const text = lines.map((line) => `${line}\n`).join('')
          appendFileSync(path, whole ? text : text.slice(0, -1))
          const kept = text.split(/(?<=\n)/).slice(-tailLines || Number.POSITIVE_INFINITY)
          const all = text === '' || tailLines === 0 ? '' : kept.join('')
          // Without its last line feed, a last line that is empty is none.
          const wanted = whole ? all : all.slice(0, -1)
          if (!whole && lines.at(-1) === '') return
          assert.equal(await read({ tailLines }), wanted)
          assert.equal(await read({ tailLines, limitBytes }), Buffer.from(wanted).subarray(0, limitBytes).toString())
        },
      ),
    )
  })
  test('is followed until its writer ends', async () => {
    keeper.keep(path)
    appendFileSync(path, 'one\n')
    const seen: string[] = []
    for await (const part of readLog(
      { path, keeper, signal: new AbortController().signal },
      { ...WHOLE, follow: true },
    )) {
      seen.push(part.toString())
      if (seen.length === 1) appendFileSync(path, 'two\n')
      else keeper.release(path)
    }
    assert.deepEqual(seen, ['one\n', 'two\n'])
  })
  test('is no longer followed when nobody wants more', async () => {
    keeper.keep(path)
    const stop = new AbortController()
    const reading = read({ follow: true }, stop.signal)
    stop.abort()
    assert.equal(await reading, '')
  })
  test('that grows without end gives up its beginning and takes no more of the disk', async () => {
    keeper.keep(path)
    const line = `${'x'.repeat(99)}\n`
    for (let round = 0; round < 20; round++) {
      appendFileSync(path, line.repeat(100))
      // Each look is one of the kernel's, as in the agent.
      await new Promise<void>((resolve) => {
        const stop = keeper.follow(path, () => {
          stop()
          resolve()
        })
      })
    }
    keeper.release(path)
    const { size, blocks } = statSync(path)
    assert.equal(size, 200_000)
    assert.ok(blocks * 512 <= 64 * 1024 * 1.25 + 8192, `${blocks * 512} bytes on the disk`)
    const text = await read()
    assert.ok(text.length >= 60_000 && text.length < 90_000)
    assert.ok(text.split('\n').every((one) => one === '' || one.length === 99))
    assert.equal(await read({ tailLines: 2 }), line.repeat(2))
  })
})
