import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairleadError } from '../base/error.ts'
import type { Outcome } from './cell.ts'
import { countVerdicts, expected, failed, isRight, verdictOf } from './compare.ts'

const said = (value: string) => ({ value, line: `${value}, it says` })
const found = (value: string): Outcome => ({ kind: 'measured', measurement: { value, evidence: [] } })

test('the document decides where upstream says nothing, or does not hold', () => {
  assert.equal(verdictOf({ documented: said('a') }, found('a')), 'as documented')
  assert.equal(verdictOf({ documented: said('a') }, found('b')), 'differs')
  const other = { documented: said('a'), upstream: { ...said('b'), holds: false } }
  assert.equal(verdictOf(other, found('a')), 'as documented')
  assert.equal(verdictOf(other, found('b')), 'differs')
})

test('upstream decides where it holds: the document alone is not enough then', () => {
  const both = { documented: said('a'), upstream: { ...said('b'), holds: true } }
  assert.equal(verdictOf(both, found('b')), 'as upstream')
  assert.equal(verdictOf(both, found('a')), 'differs')
  assert.equal(verdictOf({ upstream: { ...said('b'), holds: true } }, found('b')), 'as upstream')
})

test('a cell that nobody says anything of, or that was not measured, is never right', () => {
  assert.equal(verdictOf({}, found('a')), 'differs')
  const outcome = failed(new FairleadError('TIMEOUT', 'No answer'))
  assert.deepEqual(outcome, { kind: 'failed', why: 'No answer' })
  assert.equal(verdictOf({ documented: said('No answer') }, outcome), 'not measured')
  assert.equal(isRight('not measured'), false)
  assert.equal(isRight('differs'), false)
})

test('a verdict is right exactly when what is expected was measured', () => {
  const word = fc.constantFrom('a', 'b', 'c')
  const statement = word.map(said)
  fc.assert(
    fc.property(
      fc.option(statement, { nil: undefined }),
      fc.option(fc.tuple(statement, fc.boolean()), { nil: undefined }),
      word,
      (documented, upstream, value) => {
        const cell = {
          ...(documented === undefined ? {} : { documented }),
          ...(upstream === undefined ? {} : { upstream: { ...upstream[0], holds: upstream[1] } }),
        }
        assert.equal(isRight(verdictOf(cell, found(value))), expected(cell)?.value === value)
      },
    ),
  )
})

test('verdicts are counted, those that were never given too', () => {
  assert.deepEqual(countVerdicts([{ verdict: 'differs' }, { verdict: 'as upstream' }, { verdict: 'differs' }]), {
    'as documented': 0,
    'as upstream': 1,
    differs: 2,
    'not measured': 0,
  })
})
