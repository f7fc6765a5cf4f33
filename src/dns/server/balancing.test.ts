import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { makeAnswer } from '../wire/answer.ts'
import { TYPE } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import { messageOf } from './answer-message.ts'
import { type BalancingOptions, balancing } from './balancing.ts'
import { parseWeights, Weights } from './weights.ts'

const NAME = 'www.example.org'
const asker = { address: '127.0.0.1', port: 1, protocol: 'udp', family: 4 } as const
const alias: DnsRecord = { name: NAME, ttl: 60, data: { kind: 'CNAME', target: 'web.example.org' } }
const address = (last: number, name = NAME): DnsRecord => ({
  name,
  ttl: 60,
  data: { kind: 'A', address: `192.0.2.${last}` },
})

async function order(options: Partial<BalancingOptions>, answers: readonly DnsRecord[]): Promise<unknown[]> {
  const question = new Question().about(encodeName(NAME), TYPE.A)
  const resolve = balancing({ prefer: [], random: Math.random, ...options }, () =>
    makeAnswer(encodeName(NAME), { answers }),
  )
  const message = messageOf(question, await resolve(question, asker))
  return (message?.answers ?? []).map(({ data }) => ('address' in data ? data.address : data.kind))
}

test('round_robin: every order of the addresses comes, behind their alias', async () => {
  const records = [alias, ...[1, 2, 3].map((last) => address(last, 'web.example.org'))]
  const seen = new Set<string>()
  // As a die would be thrown, each of the six sides once.
  for (const [first, second] of [0, 0.4, 0.8].flatMap((one) => [0, 0.6].map((two) => [one, two] as const))) {
    const numbers = [first, second]
    const all = await order({ random: () => numbers.shift() ?? 0 }, records)
    assert.equal(all[0], 'CNAME')
    assert.deepEqual([...all].sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3', 'CNAME'])
    seen.add(all.join())
  }
  assert.equal(seen.size, 6)
})

test('prefer: addresses of the networks come first', async () => {
  const prefer = ['192.0.2.8/29']
  for (let i = 0; i < 20; i++) {
    const all = await order({ prefer }, [address(1), address(9), address(2), address(10)])
    assert.deepEqual([...all.slice(0, 2)].sort(), ['192.0.2.10', '192.0.2.9'])
  }
})

test('weighted: which address is first follows the weights, and no address is lost', async () => {
  const table = parseWeights(`# a comment\n${NAME}\n192.0.2.1 3\n192.0.2.3 2\n`, 'weights')
  const weights = { of: (name: string, text: string) => table.get(name)?.get(text) ?? 1 }
  const records = [address(1), address(2), address(3)]
  const firsts: unknown[] = []
  for (let i = 0; i < 6; i++) firsts.push((await order({ weights, random: () => (i + 0.5) / 6 }, records))[0])
  const of = (last: number) => firsts.filter((one) => one === `192.0.2.${last}`).length
  assert.deepEqual([of(1), of(2), of(3)], [3, 1, 2])
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (at) => {
      const all = await order({ weights, random: () => at }, records)
      assert.deepEqual([...all].sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    }),
  )
})

for (const [text, wanted] of [
  ['192.0.2.1\n', /weights:1 - wrong domain name: "192\.0\.2\.1"/],
  ['192.0.2.1 3\n', /weights:1 - missing domain name/],
  ['\na.example\nb.example 3\n', /weights:3 - wrong IP address: "b\.example"/],
  ['a.example\n192.0.2.1 0\n', /weights:2 - wrong weight value: "0"/],
  ['a.example\n192.0.2.1 256\n', /weights:2 - wrong weight value: "256"/],
  ['a.example\n192.0.2.1 1 2\n', /weights:2 - could not parse weight line/],
] as const) {
  test(`a weight file that is wrong is told with its line: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseWeights(text, 'weights'),
      (error) => isFairleadError(error, 'INVALID_INPUT') && wanted.test(error.message),
    )
  })
}

test('a weight file is read again; one that is wrong or gone leaves what was there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-weights-'))
  try {
    const file = join(directory, 'weights')
    const clock = new ManualClock()
    assert.throws(
      () => new Weights({ file, reloadMs: 0 }, { log: silentLog, clock }),
      (error) => isFairleadError(error, 'NOT_FOUND'),
    )
    using weights = new Weights({ file, reloadMs: 1_000 }, { log: silentLog, clock })
    assert.equal(weights.of(NAME, '192.0.2.1'), 1)
    for (const [text, wanted] of [
      [`${NAME}.\n192.0.2.1 7\n`, 7],
      ['nonsense 1\n', 7],
      [`${NAME}\n192.0.2.1 9\n`, 9],
    ] as const) {
      writeFileSync(file, text)
      clock.pass(1_000)
      assert.equal(weights.of(NAME, '192.0.2.1'), wanted)
    }
    rmSync(file)
    clock.pass(1_000)
    assert.equal(weights.of(NAME, '192.0.2.1'), 9)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
