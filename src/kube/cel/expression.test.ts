import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { loadCel } from './engine.ts'
import { compileExpression } from './expression.ts'
import { ruleEnvironment } from './rule-environment.ts'
import { RuleTypes } from './rule-types.ts'

before(loadCel)

const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    s: { type: 'string' },
    maybe: { type: 'string', nullable: true },
    either: { 'x-kubernetes-int-or-string': true },
    when: { type: 'string', format: 'date-time' },
    wait: { type: 'string', format: 'duration' },
    raw: { type: 'string', format: 'byte' },
    'x-y.z': { type: 'boolean' },
    namespace: { type: 'string' },
    list: {
      type: 'array',
      items: { type: 'object', properties: { port: { type: 'integer' }, name: { type: 'string' } } },
    },
    map: { type: 'object', additionalProperties: { type: 'number' } },
  },
} as const

const SELF = {
  metadata: { name: 'here' },
  n: 5,
  s: 'text',
  maybe: null,
  either: '10%',
  when: '2026-01-02T03:04:05Z',
  wait: '1h30m',
  raw: 'AQI=',
  'x-y.z': true,
  namespace: 'ns',
  list: [{ port: 80, name: 'a' }, { port: 90 }],
  map: { a: 1.5 },
}

function compile(source: string) {
  const environment = ruleEnvironment()
  const type = new RuleTypes(environment).declare(SCHEMA, true)
  assert.ok(type)
  const scope = environment.clone().registerVariable('self', type.name)
  return { compiled: compileExpression(scope, source), self: type.toCel(SELF) }
}

function evaluate(source: string) {
  const { compiled, self } = compile(source)
  assert.ok('expression' in compiled, 'issue' in compiled ? compiled.issue : '')
  return compiled.expression.evaluate({ self })
}

const TRUE = [
  'self.n == 5 && self.s == "text" && self.metadata.name == "here"',
  'self.maybe == null',
  'type(self.either) == string && self.either.matches(r"^\\d+%$")',
  'self.when > timestamp("2026-01-01T00:00:00Z") && self.when.getFullYear() == 2026',
  'self.wait == duration("90m") && self.wait.getHours() == 1',
  'self.raw == b"\\x01\\x02"',
  'self.x__dash__y__dot__z && self.__namespace__ == "ns"',
  'self.list.all(each, each.port > 70) && self.list.exists_one(each, has(each.name))',
  'has(self.list[0].name) && !has(self.list[1].name)',
  '"a" in self.map && self.map["a"] == 1.5 && self.map.all(key, self.map[key] > 1)',
  'self.list.map(each, each.port).sum() == 170 && self.list.map(each, each.port).isSorted()',
  '[3, 1, 2].min() == 1 && [3, 1, 2].max() == 3 && ["b", "a"].indexOf("a") == 1 && [1, 2, 1].lastIndexOf(1) == 2',
  'sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [1, 2])',
  '"abc 123 45".find("[0-9]+") == "123" && "1 2 3".findAll("[0-9]", 2) == ["1", "2"]',
  '"TEXT".matches("(?i)^text$") && "a1".matches("^[[:alpha:]][[:digit:]]$")',
  '"%s has %d at %.2f, %x".format(["a", 3, 1.5, 255]) == "a has 3 at 1.50, ff"',
  '"a-b-c".replace("-", "+") == "a+b+c" && "a-b-c".replace("-", "", 1) == "ab-c" && "tac".charAt(2) == "c"',
  'strings.quote("a\\"b") == "\\"a\\\\\\"b\\""',
  'url("https://example.com:80/a/b?x=1&x=2").getHost() == "example.com:80"',
  'url("https://example.com:8443/p").getPort() == "8443" && isURL("/path") && !isURL("../x")',
  'url("/p?k=v").getQuery()["k"] == ["v"] && url("/p").getScheme() == ""',
  'quantity("1500m").isGreaterThan(quantity("1")) && quantity("1Gi").asInteger() == 1073741824',
  'quantity("50k").add(20) == quantity("50020") && quantity("1").sub(2).sign() == -1 && !isQuantity("2ki")',
  'ip("10.0.0.1").family() == 4 && ip("::1").isLoopback() && isIP("::ffff") && !isIP("10.0.0.256")',
  'ip.isCanonical("2001:db8::1") && string(ip("10.1.2.3")) == "10.1.2.3"',
  'cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR(cidr("10.1.0.0/16"))',
  'cidr("10.1.2.3/8").masked() == cidr("10.0.0.0/8") && cidr("10.0.0.0/8").prefixLength() == 8 && isCIDR("::/0")',
  '!format.dns1123Label().validate("ok").hasValue() && format.named("dns1123Label").value().validate("NO").hasValue()',
  'semver("1.2.3").isLessThan(semver("1.10.0")) && isSemver("v1.0", true) && semver("1.0.0-rc.1").compareTo(semver("1.0.0")) == -1',
  'optional.of(1).optMap(x, x + 1).orValue(0) == 2 && !optional.none().hasValue()',
  'self.?s.orValue("other") == "text" && cel.bind(x, self.n * 2, x == 10)',
  'self.list == self.list && self.list[0] != self.list[1] && self.list[0] in self.list',
  'true || self.list[9].port == 1',
]

for (const source of TRUE) {
  test(source, () => assert.deepEqual({ ...evaluate(source), steps: 0 }, { kind: 'value', value: true, steps: 0 }))
}

test('what cannot be compiled is told as cel-go tells it, with its place', () => {
  const issues: readonly (readonly [string, string])[] = [
    ['self.b', "ERROR: <input>:1:5: undefined field 'b'\n | self.b\n | ....^"],
    ['has(self.b)', "ERROR: <input>:1:9: undefined field 'b'\n | has(self.b)\n | ........^"],
    ['foo(1)', "ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | foo(1)\n | ...^"],
    ['other == 1', "ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other == 1\n | ^"],
    [
      'self.n + self.s == 1',
      "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(int, string)'\n | self.n + self.s == 1\n | .......^",
    ],
    [
      'self.s.startsWith(1)',
      "ERROR: <input>:1:18: found no matching overload for 'startsWith' applied to 'string.(int)'\n | self.s.startsWith(1)\n | .................^",
    ],
    [
      'self.s.matches("(")',
      'ERROR: <input>:1:16: invalid matches argument\n | self.s.matches("(")\n | ...............^',
    ],
    ['self.n', ''],
  ]
  for (const [source, text] of issues) {
    const { compiled } = compile(source)
    assert.equal('issue' in compiled ? compiled.issue : '', text)
  }
  const { compiled } = compile('self.n ==')
  assert.match('issue' in compiled ? compiled.issue : '', /^ERROR: <input>:1:10: Syntax error: /)
})

test('what fails while it is evaluated is told as cel-go tells it', () => {
  const failures: readonly (readonly [string, string])[] = [
    ['self.list[5].port == 1', 'index out of bounds: 5'],
    ['self.list[1].name == ""', 'no such key: name'],
    ['1 / (self.n - 5) == 1', 'division by zero'],
    ['self.either > 3', 'no such overload'],
    ['9223372036854775807 + self.n > 1', 'integer overflow'],
  ]
  for (const [source, text] of failures) {
    const ended = evaluate(source)
    assert.equal(ended.kind === 'failed' ? ended.text : ended.kind, text, source)
  }
})

test('steps are counted, and an evaluation that takes too many ends, whatever forgives its errors', () => {
  const many = '[1,2,3,4,5,6,7,8,9,10]'
  const loops = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].reduceRight(
    (inner, name) => `${many}.all(${name}, ${inner})`,
    'true',
  )
  assert.equal(evaluate(loops).kind, 'exceeded')
  assert.equal(evaluate(`${loops} || true`).kind, 'exceeded')
  assert.ok(evaluate('self.n == 5').steps < 10)
})
