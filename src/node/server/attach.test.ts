import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { LogKeeper } from '../logs/log-keeper.ts'
import { serveAttach } from './attach.ts'

test('the answer to what is typed at once is shown, what was written before is not', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-attach-'))
  const keeper = new LogKeeper({ clock: systemClock, log: silentLog, keptBytes: 64 * 1024 })
  t.after(() => {
    keeper[Symbol.dispose]()
    rmSync(directory, { recursive: true })
  })
  const path = join(directory, '0.log')
  appendFileSync(path, 'before\n')
  // A program that repeats what it reads, and is quicker than any reader of its log.
  const program = () =>
    new Writable({
      write(chunk, _encoding, done) {
        appendFileSync(path, chunk)
        done()
      },
    })
  const input = { open: program, end() {}, resize() {}, isFirst: () => true }
  const stdin = new PassThrough()
  stdin.end('typed\n')
  const shown: Buffer[] = []
  const stdout = new PassThrough().on('data', (data: Buffer) => shown.push(data))
  const { signal: gone } = new AbortController()
  const finished: string[] = []
  const finish = ({ status }: { readonly status: string }) => finished.push(status)
  await serveAttach(
    { log: { path, keeper }, input, once: false },
    { stdin, stdout, stderr: undefined, gone, onResize() {}, finish },
  )
  assert.deepEqual([Buffer.concat(shown).toString(), finished], ['typed\n', ['Success']])
})
