import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { rewriteRule } from '../corefile/rewrite-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { RCODE, rcodeName, TYPE, typeName } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import { messageOf } from './answer-message.ts'
import type { Asker } from './asker.ts'
import { rewriting } from './rewriting.ts'

const asker: Asker = { address: '127.0.0.1', port: 1, protocol: 'udp', family: 4 }

/** What there is behind the rules. */
const RECORDS: readonly DnsRecord[] = [
  { name: 'www.new.example', ttl: 60, data: { kind: 'A', address: '192.0.2.1' } },
  { name: 'ftp.service.consul', ttl: 60, data: { kind: 'A', address: '192.0.2.2' } },
  {
    name: '_ldap._tcp.service.consul',
    ttl: 60,
    data: { kind: 'SRV', priority: 0, weight: 0, port: 1, target: 'ftp.service.consul' },
  },
  { name: 'my-app.example', ttl: 200, data: { kind: 'CNAME', target: 'my-app.cdn.example' } },
  { name: 'my-app.cdn.example', ttl: 300, data: { kind: 'A', address: '192.0.2.3' } },
  { name: 'my-app.other.example', ttl: 100, data: { kind: 'A', address: '192.0.2.4' } },
]

function lookUp(question: Question): Answer {
  if (question.text.startsWith('fail.')) return emptyAnswer(RCODE.SERVFAIL)
  const own = RECORDS.filter(({ name }) => name === question.text)
  const alias = own.find(({ data }) => data.kind === 'CNAME')
  const target = alias !== undefined && 'target' in alias.data ? alias.data.target : undefined
  const answers = [...own, ...RECORDS.filter(({ name }) => name === target)]
  const fitting = answers.filter(({ data }) => data.kind === 'CNAME' || data.kind === typeName(question.type))
  return makeAnswer(question.name.subarray(0, question.nameLength), { answers: fitting })
}

async function ask(rules: string, name: string, { type = TYPE.A as number, number = 1 } = {}): Promise<string[]> {
  const [block] = parseCorefile(`. {\n${rules}\n}`, { file: 'Corefile' })
  const resolve = rewriting(block!.directives.map(rewriteRule), lookUp)
  const question = new Question().about(encodeName(name), type)
  question.class = number
  const answer = await resolve(question, asker)
  const message = messageOf(question, answer)
  assert.equal(message?.question?.name, name)
  return [
    rcodeName(answer.rcode),
    ...message.answers.map(({ name: owner, ttl, data }) =>
      [owner, ttl, 'address' in data ? data.address : 'target' in data ? data.target : data.kind].join(' '),
    ),
  ]
}

for (const [rules, name, wanted, options] of [
  ['rewrite name old.example www.new.example', 'old.example', ['NOERROR', 'old.example 60 192.0.2.1']],
  ['rewrite name exact old.example www.new.example', 'x.old.example', ['NOERROR']],
  ['rewrite name prefix old- www.', 'old-new.example', ['NOERROR', 'old-new.example 60 192.0.2.1']],
  ['rewrite name substring old new', 'www.old.example', ['NOERROR', 'www.old.example 60 192.0.2.1']],
  [
    'rewrite name suffix .coredns.rocks .service.consul answer auto',
    '_ldap._tcp.coredns.rocks',
    ['NOERROR', '_ldap._tcp.coredns.rocks 60 ftp.coredns.rocks'],
    { type: TYPE.SRV },
  ],
  [
    'rewrite stop {\n name regex (.*)-(us)\\.rocks {1}.service.consul\n answer name (.*)\\.service\\.consul {1}-us.rocks\n}',
    'ftp-us.rocks',
    ['NOERROR', 'ftp-us.rocks 60 192.0.2.2'],
  ],
  [
    'rewrite name suffix .rocks .service.consul answer auto answer value (.*)\\.rocks {1}.stones',
    '_ldap._tcp.rocks',
    ['NOERROR', '_ldap._tcp.rocks 60 ftp.rocks'],
    { type: TYPE.SRV },
  ],
  ['rewrite type AAAA A', 'www.new.example', ['NOERROR', 'www.new.example 60 192.0.2.1'], { type: TYPE.AAAA }],
  ['rewrite class CH IN', 'www.new.example', ['NOERROR', 'www.new.example 60 192.0.2.1'], { number: 3 }],
  ['rewrite class CH IN', 'www.new.example', ['REFUSED'], { number: 4 }],
  ['rewrite ttl www.new.example 15', 'www.new.example', ['NOERROR', 'www.new.example 15 192.0.2.1']],
  ['rewrite ttl suffix .new.example 120-', 'www.new.example', ['NOERROR', 'www.new.example 120 192.0.2.1']],
  ['rewrite ttl regex .*new.* -30', 'www.new.example', ['NOERROR', 'www.new.example 30 192.0.2.1']],
  ['rewrite ttl www.new.example 30-90', 'www.new.example', ['NOERROR', 'www.new.example 60 192.0.2.1']],
  ['rewrite rcode prefix fail. SERVFAIL NOERROR', 'fail.example', ['NOERROR']],
  ['rewrite rcode prefix fail. 3 0', 'fail.example', ['SERVFAIL']],
  [
    'rewrite cname suffix .cdn.example .other.example',
    'my-app.example',
    ['NOERROR', 'my-app.example 200 my-app.other.example', 'my-app.other.example 100 192.0.2.4'],
  ],
  [
    'rewrite continue name old.example www.new.example\nrewrite ttl www.new.example 7',
    'old.example',
    ['NOERROR', 'old.example 7 192.0.2.1'],
  ],
  [
    'rewrite name old.example www.new.example\nrewrite ttl www.new.example 7',
    'old.example',
    ['NOERROR', 'old.example 60 192.0.2.1'],
  ],
] as const) {
  test(`${rules.replaceAll('\n', ';')}: ${name}`, async () => {
    assert.deepEqual(await ask(rules, name, options), wanted)
  })
}
