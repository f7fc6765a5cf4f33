import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../kube/manual-clock.ts'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { serverConfig } from '../corefile/server-config.ts'
import { ErrorLog } from './error-log.ts'

function open(block: string) {
  const [config] = serverConfig(parseCorefile(`. {\n errors {\n${block}\n}\n}`, { file: 'Corefile' }))
  const clock = new ManualClock()
  const lines: string[] = []
  const log = new ErrorLog(config!.errors!, { write: (line) => lines.push(line), clock })
  return { clock, lines, log }
}

test('errors that are alike are told once for a period', async () => {
  const { clock, lines, log } = open('consolidate 30s "timeout$" warning\nconsolidate 1m ^3')
  for (const text of ['2 a. A: timeout', '2 b. A: refused', '2 c. A: timeout', '3 d. A: timeout']) log.add(text)
  assert.deepEqual(lines, ['[ERROR] plugin/errors: 2 b. A: refused'])
  clock.pass(30_000)
  assert.equal(lines.at(-1), "[WARNING] plugin/errors: 3 errors like 'timeout$' occurred in last 30s")
  log.add('2 a. A: timeout')
  log[Symbol.dispose]()
  assert.equal(lines.at(-1), "[WARNING] plugin/errors: 1 errors like 'timeout$' occurred in last 30s")
  assert.equal(lines.length, 3)
})

test('show_first tells the first at once, and the number only when there were more', () => {
  const { clock, lines, log } = open('consolidate 30s timeout show_first')
  log.add('2 a. A: timeout')
  clock.pass(30_000)
  assert.deepEqual(lines, ['[ERROR] plugin/errors: 2 a. A: timeout'])
  for (const name of ['b', 'c']) log.add(`2 ${name}. A: timeout`)
  clock.pass(30_000)
  assert.equal(lines.at(-1), "[ERROR] plugin/errors: 2 errors like 'timeout' occurred in last 30s")
})
