import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeAnswer, writeResponse } from '../wire/answer.ts'
import { FLAG } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { hashName, Question } from '../wire/question.ts'
import { ReadyAnswers } from './ready-answers.ts'

const nameOf = (i: number) => `name-${i}.example.com`

function question(i: number, type: number, edns = false): Question {
  const asked = new Question().about(encodeName(nameOf(i)), type)
  asked.hasEdns = edns
  return asked
}

function addresses(i: number, version: number, count: number) {
  const answers = Array.from({ length: count }, (_, k) => ({
    name: nameOf(i),
    ttl: version,
    data: { kind: 'A' as const, address: `10.0.${i & 255}.${k}` },
  }))
  return makeAnswer(encodeName(nameOf(i)), { flags: FLAG.AA, answers, turning: true })
}

const change = fc.record({
  name: fc.nat(40),
  type: fc.constantFrom(1, 28, 33),
  count: fc.integer({ min: 0, max: 20 }),
  drop: fc.boolean(),
})

test('what was added and not dropped is there, as writeResponse would write it', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), fc.nat(1000), fc.boolean(), (changes, turn, edns) => {
      const ready = new ReadyAnswers()
      const model = new Map<string, ReturnType<typeof addresses>>()
      for (const [version, { name, type, count, drop }] of changes.entries()) {
        const key = encodeName(nameOf(name))
        if (drop) {
          ready.drop(key, hashName(key))
          for (const other of [1, 28, 33]) model.delete(`${name} ${other}`)
        } else if (!model.has(`${name} ${type}`)) {
          const answer = addresses(name, version, count)
          ready.add(question(name, type), answer)
          model.set(`${name} ${type}`, answer)
        }
      }
      assert.equal(ready.size, model.size)
      for (let name = 0; name <= 40; name++) {
        for (const type of [1, 28, 33]) {
          const asked = question(name, type, edns)
          const at = ready.find(asked)
          const wanted = model.get(`${name} ${type}`)
          assert.equal(at >= 0, wanted !== undefined)
          if (wanted === undefined) continue
          assert.deepEqual(ready.answerAt(at), wanted)
          const [own, other] = [Buffer.alloc(4096), Buffer.alloc(4096)]
          const length = ready.write(at, asked, { out: own, start: 8, size: 4000, turn })
          assert.equal(length, writeResponse(other, 8, asked, wanted, { size: 4000, turn }))
          assert.deepEqual(own, other)
          assert.equal(ready.write(at, asked, { out: own, start: 0, size: length - 1, turn }), 0, 'does not fit')
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('memory does not grow with changes, only with answers', () => {
  const ready = new ReadyAnswers()
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 1_000; i++) {
      const key = encodeName(nameOf(i))
      ready.drop(key, hashName(key))
      ready.add(question(i, 1), addresses(i, round, 2))
    }
  }
  assert.equal(ready.size, 1_000)
  assert.ok(ready.bytes < 600_000, `${ready.bytes}`)
})
