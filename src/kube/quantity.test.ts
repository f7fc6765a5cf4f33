import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
  resolveIntOrPercent,
} from './quantity.ts'

describe('parseQuantity() and formatQuantity()', () => {
  // Given, and as upstream writes it.
  for (const [given, canonical] of [
    ['0', '0'],
    ['0Ki', '0'],
    ['-0', '0'],
    ['100m', '100m'],
    ['0.1', '100m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['+1.5', '1500m'],
    ['-1.5', '-1500m'],
    ['1000m', '1'],
    ['1000', '1k'],
    ['1100', '1100'],
    ['12345678', '12345678'],
    ['1.5Gi', '1536Mi'],
    ['0.5Gi', '512Mi'],
    ['1024Mi', '1Gi'],
    ['1024', '1024'],
    ['512Ki', '512Ki'],
    ['0.5Ki', '512'],
    ['1023Ki', '1023Ki'],
    ['1.1Mi', '1153433600m'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['1E', '1E'],
    ['100e-3', '100e-3'],
    ['12e1', '120'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['1u', '1u'],
    ['5M', '5M'],
    ['9223372036854775808', '9223372036854775807'],
  ] as const) {
    it(`reads ${given} and writes ${canonical}`, () => assert.equal(formatQuantity(parseQuantity(given)), canonical))
  }

  for (const text of ['', 'a', '1a', '1 Gi', '1..5', '1e', 'Gi', '1KI', '1ki', '--1', '1Gi2', '.', '1ee3']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseQuantity(text), {
        code: 'INVALID_INPUT',
        message: /^quantities must match the regular expression/,
      })
    })
  }

  it('takes numbers, as YAML has them', () => assert.equal(formatQuantity(parseQuantity(2)), '2'))

  it('keeps the value and does not change what is canonical', () => {
    const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3')
    const number = fc.tuple(fc.integer({ min: -9_999_999, max: 9_999_999 }), fc.nat(999)).map(([a, b]) => `${a}.${b}`)
    fc.assert(
      fc.property(number, suffix, (digits, unit) => {
        const quantity = parseQuantity(digits + unit)
        const canonical = formatQuantity(quantity)
        assert.equal(parseQuantity(canonical).nanos, quantity.nanos)
        assert.equal(formatQuantity(parseQuantity(canonical)), canonical)
      }),
    )
  })
})

describe('quantities as numbers', () => {
  it('compares and adds exactly', () => {
    assert.equal(compareQuantities(parseQuantity('1Gi'), parseQuantity('1024Mi')), 0)
    assert.equal(compareQuantities(parseQuantity('1G'), parseQuantity('1Gi')), -1)
    assert.equal(compareQuantities(parseQuantity('101m'), parseQuantity('0.1')), 1)
    assert.equal(formatQuantity(addQuantities(parseQuantity('0.1'), parseQuantity('0.2'))), '300m')
    assert.equal(formatQuantity(addQuantities(parseQuantity('0'), parseQuantity('1Gi'))), '1Gi')
  })

  it('rounds away from zero', () => {
    assert.equal(quantityValue(parseQuantity('1500m')), 2)
    assert.equal(quantityValue(parseQuantity('-1500m')), -2)
    assert.equal(quantityValue(parseQuantity('1Ki')), 1024)
    assert.equal(quantityMilliValue(parseQuantity('1.5')), 1500)
    assert.equal(quantityMilliValue(parseQuantity('1u')), 1)
  })
})

describe('resolveIntOrPercent()', () => {
  it('takes numbers as they are and rounds per cents', () => {
    assert.equal(resolveIntOrPercent(3, 10, 'up'), 3)
    assert.equal(resolveIntOrPercent('25%', 10, 'up'), 3)
    assert.equal(resolveIntOrPercent('25%', 10, 'down'), 2)
    assert.equal(resolveIntOrPercent('100%', 7, 'down'), 7)
    assert.equal(resolveIntOrPercent('0%', 7, 'up'), 0)
  })

  it('refuses other text', () => {
    for (const text of ['5', '%', '1.5%', 'x%']) {
      assert.throws(() => resolveIntOrPercent(text, 1, 'up'), { code: 'INVALID_INPUT' })
    }
  })
})
