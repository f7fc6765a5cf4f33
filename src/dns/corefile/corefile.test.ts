import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { parseHostPort, zoneNames } from './arguments.ts'
import { loadCorefile } from './load-corefile.ts'
import { parseCorefile } from './parse-corefile.ts'
import { renamer } from './renaming.ts'
import { serverConfig } from './server-config.ts'

const read = (text: string, env = {}) => serverConfig(parseCorefile(text, { file: 'Corefile', env }))

const USUAL = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}`

test('the Corefile that kubeadm writes', () => {
  const [block, ...others] = read(USUAL)
  assert.equal(others.length, 0)
  assert.deepEqual([block?.zones, block?.port], [[''], 53])
  assert.deepEqual(
    [block?.kubernetes?.zones, block?.kubernetes?.pods, block?.kubernetes?.ttl, block?.kubernetes?.fallthrough],
    [['cluster.local', 'in-addr.arpa', 'ip6.arpa'], 'insecure', 30, ['in-addr.arpa', 'ip6.arpa']],
  )
  assert.deepEqual(block?.health, { host: '', port: 8080, lameduckMs: 5_000 })
  assert.deepEqual([block?.ready?.port, block?.prometheus?.port], [8181, 9153])
  assert.deepEqual([block?.forwards[0]?.to, block?.forwards[0]?.maxConcurrent], [['/etc/resolv.conf'], 1000])
  assert.deepEqual([block?.cache?.success.maxTtl, block?.cache?.disabled.denial], [30, ['cluster.local']])
  assert.deepEqual(
    [block?.loop, block?.loadbalance, block?.reload],
    [true, { prefer: [] }, { intervalMs: 30_000, jitterMs: 15_000 }],
  )
})

test('stub domains, several zones and ports, hosts, rewrite, log', () => {
  const blocks = read(`
    example.org, example.net:5353 {
      forward . 10.0.0.1:5300 dns://[fd00::1]:53 {
        policy sequential
        health_check 1s no_rec domain example.org
      }
      log example.org "{remote} {name}" {
        class denial error
      }
    }
    . {
      hosts {
        10.0.0.1 a.internal b.internal # two names
        fallthrough
      }
      rewrite stop name suffix .old.example .new.example answer auto
      rewrite name regex (.*)\\.x\\.org {1}.y.org
      autopath @kubernetes
      bind 127.0.0.1
    }`)
  assert.deepEqual(
    blocks.map(({ zones, port }) => [zones, port]),
    [
      [['example.org'], 53],
      [['example.net'], 5353],
      [[''], 53],
    ],
  )
  assert.deepEqual(blocks[0]?.forwards[0]?.to, ['10.0.0.1:5300', '[fd00::1]:53'])
  assert.equal(blocks[0]?.forwards[0]?.healthCheckRecursion, false)
  assert.deepEqual(blocks[0]?.log, { names: ['example.org'], format: '{remote} {name}', classes: ['denial', 'error'] })
  assert.deepEqual(blocks[2]?.hosts?.inline, [{ address: '10.0.0.1', names: ['a.internal', 'b.internal'] }])
  const renamed = (name: string) =>
    blocks[2]?.rewrites.map((rule) => (rule.field === 'name' ? renamer(rule.renaming)(name) : undefined))
  assert.deepEqual(renamed('www.old.example'), ['www.new.example', undefined])
  assert.deepEqual(renamed('www.x.org'), [undefined, 'www.y.org'])
  assert.deepEqual(blocks[2]?.bind, ['127.0.0.1'])
})

test('snippets, imports, arguments and the environment', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-corefile-'))
  try {
    writeFileSync(join(directory, 'stub.conf'), 'corp.example {\n  import to 10.9.9.9\n}\n')
    writeFileSync(
      join(directory, 'Corefile'),
      '(to) {\n  forward . {args.0} {\n    max_fails {$FAILS}\n  }\n}\nimport *.conf\n. {\n  import to {%UPSTREAM%}\n}\n',
    )
    const { blocks, text } = loadCorefile(join(directory, 'Corefile'), { env: { UPSTREAM: '10.1.1.1', FAILS: '7' } })
    assert.deepEqual(
      blocks.map(({ zones, forwards }) => [zones, forwards[0]?.to, forwards[0]?.maxFails]),
      [
        [['corp.example'], ['10.9.9.9'], 7],
        [[''], ['10.1.1.1'], 7],
      ],
    )
    assert.ok(text.includes('corp.example'))
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('bind: addresses, and those of interfaces', () => {
  const binds = (line: string) => read(`. {\n ${line}\n}`)[0]?.bind
  const own = networkInterfaces().lo?.map(({ address }) => address) ?? []
  assert.ok(own.includes('127.0.0.1'))
  assert.deepEqual(binds('bind 10.0.0.1 [fd00::1]'), ['10.0.0.1', 'fd00::1'])
  assert.deepEqual(binds('bind 10.0.0.1\n bind 10.0.0.2'), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(binds('bind lo'), own)
  assert.deepEqual(
    binds('bind lo 10.0.0.1 {\n except 127.0.0.1\n }'),
    [...own, '10.0.0.1'].filter((address) => address !== '127.0.0.1'),
  )
})

test('a server block alone needs no braces', () => {
  const [block] = read('example.org:1053\nforward . 10.0.0.1\nlog\n')
  assert.deepEqual([block?.zones, block?.port, block?.forwards.length], [['example.org'], 1053, 1])
})

for (const [text, message] of [
  ['. {\n  whoami\n}', /^Corefile:2 - Error during parsing: Unknown directive 'whoami'/],
  ['. {\n  template IN A\n}', /^Corefile:2 .*Unknown directive 'template'/],
  ['. {\n  kubernetes cluster.local {\n    pods some\n  }\n}', /^Corefile:3 .*pods: some/],
  ['. {\n  cache 30 {\n    fresh 1\n  }\n}', /^Corefile:3 .*unknown property 'fresh'/],
  ['. {\n  forward . nowhere\n}', /^Corefile:2 .*nowhere/],
  ['. {\n  forward . https://9.9.9.9\n}', /^Corefile:2 .*https/],
  ['. {\n  forward . tls://9.9.9.9%a.example {\n    tls_servername b.example\n  }\n}', /^Corefile:2 .*tls_servername/],
  ['. {\n  forward . 9.9.9.9 {\n    failover NOERROR\n  }\n}', /^Corefile:3 .*NOERROR/],
  ['. {\n  hosts {\n    fallthru\n  }\n}', /^Corefile:3 .*unknown property 'fallthru'/],
  ['. {\n  hosts {\n    fallthrough_unsupported\n  }\n}', /^Corefile:2 .*requires fallthrough/],
  ['. {\n  bind nowhere0\n}', /^Corefile:2 .*not a valid IP address or interface name: "nowhere0"/],
  ['. {\n  bind 127.0.0.1 {\n    except 127.0.0.1\n  }\n}', /^Corefile:2 .*leaves no address/],
  ['. {\n  bind 127.0.0.1 {\n    only lo\n  }\n}', /^Corefile:3 .*unknown property 'only'/],
  ['. {\n  rewrite edns0 nsid give\n}', /^Corefile:2 .*invalid action: "give"/],
  ['. {\n  rewrite edns0 cookie set\n}', /^Corefile:2 .*invalid rule type "cookie"/],
  ['. {\n  rewrite edns0 local set 70000 x\n}', /^Corefile:2 .*'70000' is not a number from 0 to 65535/],
  ['. {\n  rewrite edns0 local set 0xffee 0xabc\n}', /^Corefile:2 .*'0xabc' is not bytes/],
  ['. {\n  rewrite edns0 local set 0xffee {weather}\n}', /^Corefile:2 .*unsupported variable name "{weather}"/],
  ['. {\n  rewrite edns0 local set 0xffee {server_ip}\n}', /^Corefile:2 .*needs the directive bind/],
  ['. {\n  rewrite edns0 subnet set 33 56\n}', /^Corefile:2 .*'33' is not a number from 0 to 32/],
  ['. {\n  kubernetes {\n    zonal\n  }\n}', /^Corefile:3 .*property 'zonal' is not supported: /],
  ['. {\n  kubernetes {\n    multicluster a.b\n  }\n}', /^Corefile:3 .*property 'multicluster' is not supported: /],
  ['. {\n  kubernetes {\n    endpoint api\n  }\n}', /^Corefile:3 .*endpoint 'api' is not a URL/],
  ['. {\n  kubernetes {\n    tls cert key\n  }\n}', /^Corefile:3 .*Wrong argument count/],
  ['. {\n  kubernetes {\n    labels a in\n  }\n}', /^Corefile:3 .*unable to parse label selector value: 'a in'/],
  [
    '. {\n  kubernetes {\n    namespaces a\n    namespace_labels a=b\n  }\n}',
    /^Corefile:2 .*namespaces and namespace_labels cannot both be set/,
  ],
  ['. {\n  rewrite name suffix a b answer sometimes\n}', /^Corefile:2 .*unknown options 'answer sometimes'/],
  ['. {\n  rewrite ttl example.org 300-30\n}', /^Corefile:2 .*'300-30'/],
  ['. {\n  errors {\n    consolidate 5m (\n  }\n}', /^Corefile:3 .*regular expression/],
  ['. {\n  ready {\n    monitor sometimes\n  }\n}', /^Corefile:3 .*monitor type "sometimes"/],
  ['. {\n  loadbalance weighted\n}', /^Corefile:2 .*missing weight file argument/],
  ['. {\n  loadbalance weighted a b\n}', /^Corefile:2 .*unexpected argument\(s\)/],
  ['. {\n  loadbalance least\n}', /^Corefile:2 .*unknown policy: least/],
  ['. {\n  loadbalance {\n    reload 5s\n  }\n}', /^Corefile:3 .*unknown property 'reload'/],
  ['. {\n  loadbalance {\n    prefer 10.0.0.1\n  }\n}', /^Corefile:3 .*invalid CIDR/],
  ['. {\n  forward .\n}', /^Corefile:2 .*Wrong argument count/],
  ['. {\n  errors\n', /^Corefile:1 .*Unexpected EOF, expecting '}'/],
  ['. {\n  import nothing\n}', /^Corefile:2 .*File to import not found: nothing/],
  ['(a) {\n  import a\n}\n. {\n  import a\n}', /^Corefile:\d .*never ends/],
  ['tls://. {\n}', /^Corefile:1 .*tls/],
  ['a.org {\n}\na.org {\n}', /^Corefile:3 .*already defined/],
  ['. {\n  health {\n    lameduck soon\n  }\n}', /^Corefile:3 .*'soon' is not a duration/],
  ['. {\n  rewrite name regex ( x\n}', /^Corefile:2 .*invalid regex/],
] as const) {
  test(`an error has its line: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => read(text),
      (error) => isFairleadError(error, 'INVALID_INPUT') && message.test(error.message),
    )
  })
}

test('addresses and reverse zones', () => {
  assert.deepEqual(parseHostPort('[fd00::1]:54', 53), { host: 'fd00::1', port: 54 })
  assert.deepEqual(parseHostPort('10.0.0.1', 53), { host: '10.0.0.1', port: 53 })
  assert.equal(parseHostPort('example.org:53', 53), undefined)
  const place = { file: 'Corefile', line: 1 }
  assert.deepEqual(zoneNames(place, ['10.96.0.0/16', '10.0.0.0/23', 'fd00:10::/32']), [
    '96.10.in-addr.arpa',
    '0.0.10.in-addr.arpa',
    '1.0.10.in-addr.arpa',
    '0.1.0.0.0.0.d.f.ip6.arpa',
  ])
})
