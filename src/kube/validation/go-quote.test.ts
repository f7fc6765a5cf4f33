import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goQuote, isPrintable } from './go-quote.ts'

test('texts are quoted as Go quotes them', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['web', '"web"'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ['\x01\x7f\x07\v\n', '"\\x01\\x7f\\a\\v\\n"'],
    ['grün 日本', '"grün 日本"'],
    ['\u00a0\u200b\u{e0001}', '"\\u00a0\\u200b\\U000e0001"'],
    ["it's <b>", '"it\'s <b>"'],
  ]
  for (const [text, quoted] of texts) assert.equal(goQuote(text), quoted)
  assert.deepEqual(['a', ' ', '\t', '\u00a0', '😀'].map(isPrintable), [true, true, false, false, true])
})
