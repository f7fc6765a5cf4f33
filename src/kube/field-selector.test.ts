import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatFieldSelector, matchesFields, parseFieldSelector } from './field-selector.ts'

describe('parseFieldSelector()', () => {
  it('reads terms and skips empty ones', () => {
    assert.deepEqual(parseFieldSelector('metadata.name=web,status.phase!=Running,,spec.nodeName=='), [
      { field: 'metadata.name', operator: '=', value: 'web' },
      { field: 'status.phase', operator: '!=', value: 'Running' },
      { field: 'spec.nodeName', operator: '=', value: '' },
    ])
  })

  it('refuses what it cannot understand', () => {
    assert.throws(() => parseFieldSelector('a=b,name'), {
      code: 'INVALID_INPUT',
      message: "invalid selector: 'a=b,name'; can't understand 'name'",
    })
    assert.throws(() => parseFieldSelector('a=b=c'), { code: 'INVALID_INPUT' })
    assert.throws(() => parseFieldSelector('a=\\b'), {
      message: 'invalid field selector: invalid escape sequence: \\b',
    })
    assert.throws(() => parseFieldSelector('a=\\'), { code: 'INVALID_INPUT' })
  })

  it('is the inverse of formatFieldSelector() for any value', () => {
    const requirement = fc.record(
      {
        field: fc.stringMatching(/^[a-z]+(\.[a-zA-Z]+)?$/),
        operator: fc.constantFrom('=' as const, '!=' as const),
        value: fc.string({ unit: fc.constantFrom(...'a\\,=!b\n') }),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(fc.array(requirement), (selector) => {
        assert.deepEqual(parseFieldSelector(formatFieldSelector(selector)), selector)
      }),
    )
  })
})

describe('matchesFields()', () => {
  it('compares each field as text', () => {
    const fieldOf = (field: string) => (field === 'spec.nodeName' ? 'node-1' : '')
    assert.equal(matchesFields(parseFieldSelector('spec.nodeName=node-1'), fieldOf), true)
    assert.equal(matchesFields(parseFieldSelector('spec.nodeName!=node-1'), fieldOf), false)
    assert.equal(matchesFields(parseFieldSelector('spec.nodeName=node-1,status.phase!=Running'), fieldOf), true)
    assert.equal(matchesFields([], fieldOf), true)
  })
})
