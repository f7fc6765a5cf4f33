import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { rewriteRule } from '../corefile/rewrite-config.ts'
import { emptyAnswer } from '../wire/answer.ts'
import { TYPE } from '../wire/codes.ts'
import type { EdnsOption } from '../wire/edns-option.ts'
import { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import { rewriting } from './rewriting.ts'
import { query } from './test-server.ts'

const FOUR: Asker = { address: '198.51.100.77', port: 4660, protocol: 'udp', family: 4 }
const SIX: Asker = { address: '2001:db8:1:2:3:4:5:6', port: 1, protocol: 'tcp', family: 6 }
const server = { address: '10.0.0.53', port: 53 }

/** The options with which a question with some options is passed on: `code hex`. */
function passedOn(rules: string, options: readonly EdnsOption[] = [], asker = FOUR): readonly string[] {
  const [block] = parseCorefile(`. {\n${rules}\n}`, { file: 'Corefile' })
  let told: readonly EdnsOption[] = []
  const resolve = rewriting(
    block!.directives.map(rewriteRule),
    (question) => {
      told = question.passedOn
      return emptyAnswer(0)
    },
    server,
  )
  const packet = query('www.example.org', 'AAAA', { udpSize: 1232, edns: options })
  const question = new Question()
  question.read(packet, 0, packet.length)
  resolve(question, asker)
  return told.map(({ code, data }) => `${code} ${Buffer.from(data).toString('hex')}`)
}

const hex = (text: string) => Buffer.from(text).toString('hex')
const nsid = (text: string) => ({ code: 3, data: Buffer.from(text) })
const local = (text: string) => ({ code: 0xffee, data: Buffer.from(text) })

for (const [rules, options, wanted] of [
  ['rewrite edns0 local set 0xffee 0x61626364', [], ['65518 61626364']],
  ['rewrite edns0 local set 65518 abcd', [local('x')], ['65518 61626364']],
  ['rewrite edns0 local replace 0xffee abcd', [], []],
  ['rewrite edns0 local replace 0xffee abcd revert', [local('x')], ['65518 61626364']],
  ['rewrite edns0 local append 0xffee abcd', [local('x')], [`65518 ${hex('x')}`, '65518 61626364']],
  ['rewrite edns0 local unset 0xffee', [local('x'), nsid('y')], []],
  ['rewrite edns0 nsid set', [], ['3 ']],
  ['rewrite edns0 nsid replace', [nsid('y'), local('x')], ['3 ']],
  ['rewrite edns0 nsid unset', [nsid('y')], []],
  ['rewrite edns0 local set 0xffee {qname}', [], [`65518 ${hex('www.example.org.')}`]],
  ['rewrite edns0 local set 0xffee {qtype}', [], ['65518 001c']],
  ['rewrite edns0 local set 0xffee {client_ip}', [], ['65518 c633644d']],
  ['rewrite edns0 local set 0xffee {client_port}', [], ['65518 1234']],
  ['rewrite edns0 local set 0xffee {protocol}', [], [`65518 ${hex('udp')}`]],
  ['rewrite edns0 local set 0xffee {server_ip}', [], ['65518 0a000035']],
  ['rewrite edns0 local set 0xffee {server_port}', [], ['65518 0035']],
  ['rewrite edns0 local append 0xffee {protocol}', [local('x')], [`65518 ${hex('x')}`]],
  ['rewrite edns0 subnet set 24 56', [], ['8 00011800c63364']],
  ['rewrite edns0 subnet set 20 56', [], ['8 00011400c63360']],
  ['rewrite edns0 subnet set 0 56', [], ['8 00010000']],
  ['rewrite edns0 subnet unset', [{ code: 8, data: Buffer.from('00011800c63364', 'hex') }], []],
  // The first that has something to do is the last, unless it says otherwise.
  ['rewrite edns0 nsid set\nrewrite edns0 local set 1 x', [], ['3 ']],
  ['rewrite continue edns0 nsid set\nrewrite edns0 local set 1 x', [], ['3 ', `1 ${hex('x')}`]],
  ['rewrite name other.example new.example', [nsid('y'), local('x')], []],
] as const) {
  test(`${rules.replaceAll('\n', '; ')} with ${options.length} options`, () => {
    assert.deepEqual(passedOn(rules, options), wanted)
  })
}

test('networks of IPv6 are 2, and cut as long', () => {
  assert.deepEqual(passedOn('rewrite edns0 subnet set 24 56', [], SIX), ['8 0002380020010db8000100'])
  assert.equal(TYPE.AAAA, 0x1c)
})
