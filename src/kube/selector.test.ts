import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../base/error.ts'
import {
  formatLabelSelector,
  type LabelRequirement,
  labelSelectorFrom,
  matchesLabels,
  matchNothing,
  parseLabelSelector,
} from './selector.ts'

function matches(selector: string, labels: Record<string, string>): boolean {
  return matchesLabels(parseLabelSelector(selector), labels)
}

describe('parseLabelSelector()', () => {
  it('reads every operator', () => {
    assert.deepEqual(
      parseLabelSelector(' app=web, tier == front,env!=prod ,zone in (a, b),size notin (x),there,!gone,n>3,m<4'),
      [
        { key: 'app', operator: '=', values: ['web'] },
        { key: 'tier', operator: '=', values: ['front'] },
        { key: 'env', operator: '!=', values: ['prod'] },
        { key: 'zone', operator: 'in', values: ['a', 'b'] },
        { key: 'size', operator: 'notin', values: ['x'] },
        { key: 'there', operator: 'exists', values: [] },
        { key: 'gone', operator: '!', values: [] },
        { key: 'n', operator: '>', values: ['3'] },
        { key: 'm', operator: '<', values: ['4'] },
      ],
    )
  })

  it('takes empty values, keys with a prefix and the words in and notin as keys or values', () => {
    assert.deepEqual(parseLabelSelector('a=,b in (,x),k8s.io/c=in,in in (notin)'), [
      { key: 'a', operator: '=', values: [''] },
      { key: 'b', operator: 'in', values: ['', 'x'] },
      { key: 'k8s.io/c', operator: '=', values: ['in'] },
      { key: 'in', operator: 'in', values: ['notin'] },
    ])
    assert.deepEqual(parseLabelSelector(''), [])
    assert.deepEqual(parseLabelSelector(' '), [])
  })

  for (const [text, message] of [
    ['=web', "found '=', expected: !, identifier, or 'end of string'"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['!a=b', "found '=', expected: ',' or 'end of string'"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['a within (b)', "unable to parse requirement: found 'within', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    [
      'a in ()',
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseLabelSelector(text), { code: 'INVALID_INPUT', message })
    })
  }

  it('refuses keys and values that no label can have', () => {
    assert.throws(() => parseLabelSelector('-a=b'), /key: Invalid value: "-a": name part must consist of/)
    assert.throws(() => parseLabelSelector('a=-b'), /values\[0\]\[a\]: Invalid value: "-b": a valid label must be/)
    assert.throws(() => parseLabelSelector(`a=${'x'.repeat(64)}`), /must be no more than 63/)
  })

  it('never throws anything but INVALID_INPUT', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab=!,() \t><in/.-é') }), (text) => {
        try {
          parseLabelSelector(text)
        } catch (error) {
          assert.ok(isFairleadError(error, 'INVALID_INPUT'), String(error))
        }
      }),
    )
  })
})

describe('matchesLabels()', () => {
  it('treats a missing label as upstream does', () => {
    assert.equal(matches('a=b', {}), false)
    assert.equal(matches('a!=b', {}), true)
    assert.equal(matches('a notin (b)', {}), true)
    assert.equal(matches('a in (b)', {}), false)
    assert.equal(matches('a', {}), false)
    assert.equal(matches('!a', {}), true)
    assert.equal(matches('a=', {}), false)
    assert.equal(matches('a>1', {}), false)
  })

  it('compares whole numbers, however large', () => {
    assert.equal(matches('a>9', { a: '10' }), true)
    assert.equal(matches('a<9007199254740993', { a: '9007199254740992' }), true)
    assert.equal(matches('a>1', { a: 'x' }), false)
  })

  it('sees labels with names of built-in properties as plain data', () => {
    assert.equal(matches('constructor', {}), false)
    assert.equal(matches('!toString', {}), true)
    assert.equal(matches('constructor=x', { constructor: 'x' } as never), true)
  })

  it('matches everything with an empty selector, nothing with a missing one', () => {
    assert.equal(matchesLabels(labelSelectorFrom({}), { a: 'b' }), true)
    assert.equal(matchesLabels(labelSelectorFrom(undefined), { a: 'b' }), false)
    assert.equal(matchesLabels(labelSelectorFrom(undefined), undefined), false)
  })
})

describe('labelSelectorFrom()', () => {
  it('joins matchLabels and matchExpressions', () => {
    const selector = labelSelectorFrom({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'env', operator: 'NotIn', values: ['b', 'a'] },
        { key: 'x', operator: 'Exists' },
        { key: 'y', operator: 'DoesNotExist' },
      ],
    })
    assert.equal(formatLabelSelector(selector), 'app=web,env notin (a,b),x,!y')
  })

  it('refuses unknown operators and wrong numbers of values', () => {
    const withExpression = (operator: string, values: string[]) => () =>
      labelSelectorFrom({ matchExpressions: [{ key: 'a', operator: operator as 'In', values }] })
    assert.throws(withExpression('constructor', []), { code: 'INVALID_INPUT' })
    assert.throws(withExpression('In', []), { code: 'INVALID_INPUT' })
    assert.throws(withExpression('Exists', ['a']), { code: 'INVALID_INPUT' })
  })
})

describe('formatLabelSelector()', () => {
  const plain = { noNullPrototype: true }
  const word = fc.stringMatching(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,10}[A-Za-z0-9])?$/)
  const set = fc
    .uniqueArray(fc.oneof(word, fc.constant('')), { minLength: 1, maxLength: 4 })
    .map((values) => values.sort())
  const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
    fc.record({ key: word, operator: fc.constantFrom('=' as const, '!=' as const), values: fc.tuple(word) }, plain),
    fc.record({ key: word, operator: fc.constantFrom('in' as const, 'notin' as const), values: set }, plain),
    fc.record(
      { key: word, operator: fc.constantFrom('exists' as const, '!' as const), values: fc.constant([]) },
      plain,
    ),
    fc.record(
      {
        key: word,
        operator: fc.constantFrom('>' as const, '<' as const),
        values: fc.tuple(fc.nat().map(String)),
      },
      plain,
    ),
  )

  it('is the inverse of parseLabelSelector()', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 5 }), (selector) => {
        assert.deepEqual(parseLabelSelector(formatLabelSelector(selector)), selector)
      }),
    )
  })

  it('writes the selector of nothing so that it cannot be read as everything', () => {
    assert.throws(() => parseLabelSelector(formatLabelSelector(matchNothing)), { code: 'INVALID_INPUT' })
  })
})
