import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../kube/manual-clock.ts'
import { cacheConfig } from '../corefile/cache-config.ts'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { messageOf } from '../server/answer-message.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import { AnswerCache } from './answer-cache.ts'

const NAME = 'www.example.com'
const question = (type: number = TYPE.A, name = NAME) => new Question().about(encodeName(name), type)
const address = (text: string, ttl: number) =>
  makeAnswer(encodeName(NAME), { answers: [{ name: NAME, ttl, data: { kind: 'A', address: text } }] })
const denial = (ttl: number, minimum: number) =>
  makeAnswer(encodeName(NAME), {
    rcode: RCODE.NXDOMAIN,
    authorities: [
      {
        name: 'example.com',
        ttl,
        data: { kind: 'SOA', primary: 'n', mailbox: 'h', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
      },
    ],
  })

function open(directive: string) {
  const clock = new ManualClock()
  const counts = { hit: 0, missed: 0, prefetched: 0, stale: 0, dropped: 0 }
  const [block] = parseCorefile(`. {\n ${directive}\n}`, { file: 'Corefile' })
  const cache = new AnswerCache({
    config: cacheConfig(block!.directives[0]!, ['']),
    clock,
    observer: {
      hit: () => counts.hit++,
      missed: () => counts.missed++,
      prefetched: () => counts.prefetched++,
      stale: () => counts.stale++,
      dropped: () => counts.dropped++,
    },
  })
  let asked = 0
  const get = async (answer: Answer, asks = question()) => {
    const got = await cache.get(asks, async () => {
      asked++
      return answer
    })
    const message = messageOf(asks, got)
    const [record] = message?.answers ?? []
    return {
      rcode: got.rcode,
      ttl: record?.ttl ?? message?.authorities[0]?.ttl,
      text: record && 'address' in record.data ? record.data.address : '',
    }
  }
  return { clock, counts, cache, get, asked: () => asked }
}

test('an answer is kept for its TTL, which runs down', async () => {
  const { clock, get, asked } = open('cache')
  assert.equal((await get(address('10.0.0.1', 60))).ttl, 60)
  clock.pass(20_500)
  assert.deepEqual(await get(address('10.0.0.2', 60)), { rcode: 0, ttl: 40, text: '10.0.0.1' })
  clock.pass(40_000)
  assert.equal((await get(address('10.0.0.2', 60))).text, '10.0.0.2')
  assert.equal(asked(), 2)
})

test('bounds: at most what the directive says, at least 5 seconds', async () => {
  const { clock, get, asked } = open('cache 30')
  assert.equal((await get(address('10.0.0.1', 600))).ttl, 30)
  clock.pass(31_000)
  await get(address('10.0.0.1', 0))
  clock.pass(4_000)
  await get(address('10.0.0.1', 0))
  assert.equal(asked(), 2)
})

test('a denial is kept for the lesser of TTL and minimum, a failure for 5 seconds', async () => {
  const { clock, get, asked } = open('cache')
  assert.deepEqual(await get(denial(300, 20)), { rcode: RCODE.NXDOMAIN, ttl: 20, text: '' })
  clock.pass(19_000)
  assert.equal((await get(address('10.0.0.1', 60))).rcode, RCODE.NXDOMAIN)
  clock.pass(2_000)
  assert.equal((await get(emptyAnswer(RCODE.SERVFAIL))).rcode, RCODE.SERVFAIL)
  clock.pass(4_000)
  assert.equal((await get(address('10.0.0.1', 60))).rcode, RCODE.SERVFAIL)
  clock.pass(2_000)
  assert.equal((await get(address('10.0.0.1', 60))).text, '10.0.0.1')
  assert.equal(asked(), 3)
})

test('other types, DNSSEC and CD are other answers; refusals are not kept', async () => {
  const { get, asked } = open('cache')
  await get(address('10.0.0.1', 60))
  await get(address('10.0.0.1', 60), question(TYPE.AAAA))
  const secure = question()
  secure.dnssecOk = true
  await get(address('10.0.0.1', 60), secure)
  for (let i = 0; i < 2; i++) await get(emptyAnswer(RCODE.REFUSED), question(TYPE.MX))
  assert.equal(asked(), 5)
})

test('the oldest goes when there are too many', async () => {
  const { cache, get, counts } = open('cache {\n success 2\n}')
  for (let i = 0; i < 5; i++) {
    const asks = question(TYPE.A, `n${i}.example.com`)
    const answers = [{ name: `n${i}.example.com`, ttl: 60, data: { kind: 'A' as const, address: '10.0.0.1' } }]
    await get(makeAnswer(asks.name.subarray(0, asks.nameLength), { answers }), asks)
  }
  assert.deepEqual([cache.size('success'), counts.dropped], [2, 3])
})

test('what is asked for often is asked again before it expires', async () => {
  const { clock, get, asked, counts } = open('cache {\n prefetch 2 1m 20%\n}')
  await get(address('10.0.0.1', 100))
  await get(address('10.0.0.2', 100))
  clock.pass(50_000)
  await get(address('10.0.0.2', 100))
  assert.equal(asked(), 1)
  clock.pass(35_000)
  assert.equal((await get(address('10.0.0.2', 100))).text, '10.0.0.1')
  assert.deepEqual([asked(), counts.prefetched], [2, 1])
  assert.equal((await get(address('10.0.0.3', 100))).text, '10.0.0.2')
})

test('an expired answer is better than none, where that is wished', async () => {
  for (const mode of ['immediate', 'verify']) {
    const { clock, get, counts } = open(`cache {\n serve_stale 1h ${mode}\n}`)
    await get(address('10.0.0.1', 60))
    clock.pass(120_000)
    assert.deepEqual(await get(emptyAnswer(RCODE.SERVFAIL)), { rcode: 0, ttl: 0, text: '10.0.0.1' })
    assert.equal(counts.stale, 1)
    clock.pass(3_700_000)
    assert.equal((await get(emptyAnswer(RCODE.SERVFAIL))).rcode, RCODE.SERVFAIL)
  }
})
