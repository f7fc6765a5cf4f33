import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatResolver, parseResolver, podHostname, podHosts, podResolver } from './pod-files.ts'
import { planVolume } from './pod-volumes.ts'
import { testPod } from './test-pods.ts'

const dns = { server: '10.96.0.10', domain: 'cluster.local' }
const host = { nameservers: ['192.0.2.1', '192.0.2.2'], searches: ['example.com'], options: ['timeout:2'] }

describe('files of a pod', () => {
  test('the cluster is asked first, with its search list', () => {
    assert.equal(
      formatResolver(podResolver(testPod(), dns, host)),
      'search shop.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\noptions ndots:5\n',
    )
  })
  test("policy Default is the node's own, as for a pod in the node's network", () => {
    assert.deepEqual(podResolver(testPod({ dnsPolicy: 'Default' }), dns, host), host)
    assert.deepEqual(podResolver(testPod({ hostNetwork: true }), dns, host), host)
    const withHostNet = podResolver(testPod({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), dns, host)
    assert.deepEqual(withHostNet.nameservers, ['10.96.0.10'])
  })
  test('dnsConfig adds, and replaces options', () => {
    const dnsConfig = {
      nameservers: ['1.2.3.4'],
      searches: ['x.y'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    }
    assert.deepEqual(podResolver(testPod({ dnsPolicy: 'None', dnsConfig }), dns, host), {
      nameservers: ['1.2.3.4'],
      searches: ['x.y'],
      options: ['ndots:2', 'edns0'],
    })
    const both = podResolver(testPod({ dnsConfig }), dns, host)
    assert.deepEqual(
      [both.nameservers, both.options],
      [
        ['10.96.0.10', '1.2.3.4'],
        ['ndots:2', 'edns0'],
      ],
    )
  })
  test('resolv.conf is read as the C library does', () => {
    const text = '# x\ndomain a.b\nnameserver 1.1.1.1 # y\n; z\nsearch c d\noptions ndots:1 rotate\nnameserver ::1\n'
    const parsed = parseResolver(text)
    assert.deepEqual(parsed, { nameservers: ['1.1.1.1', '::1'], searches: ['c', 'd'], options: ['ndots:1', 'rotate'] })
    assert.deepEqual(parseResolver(formatResolver(parsed)), parsed)
  })
  test('hosts has the pod under its names, and what it asks for', () => {
    const hostAliases = [{ ip: '9.9.9.9', hostnames: ['a', 'b'] }]
    const text = podHosts(testPod({ subdomain: 'db', hostAliases }), ['10.244.1.2'], 'cluster.local')
    assert.match(text, /^10\.244\.1\.2\tweb-1\.db\.shop\.svc\.cluster\.local\tweb-1$/m)
    assert.match(text, /^9\.9\.9\.9\ta\tb$/m)
    assert.match(text, /^127\.0\.0\.1\tlocalhost$/m)
  })
  test('a host name is cut where the kernel cuts', () => {
    assert.equal(podHostname(testPod({}, { name: `${'a'.repeat(62)}-b` })), 'a'.repeat(62))
    assert.equal(podHostname(testPod({ hostname: 'db-0' })), 'db-0')
  })
})

describe('volumes', () => {
  const cm = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm' },
    data: { a: 'x' },
    binaryData: { b: 'AQI=' },
  }
  const inputs = { configMaps: new Map([['cm', cm]]), secrets: new Map() }
  const plan = (volume: object) => planVolume({ name: 'v', ...volume }, inputs)

  test('a ConfigMap is files', () => {
    const found = plan({ configMap: { name: 'cm', defaultMode: 0o400 } })
    assert.deepEqual(found, {
      kind: 'files',
      files: [
        { path: 'a', data: Buffer.from('x'), mode: 0o400 },
        { path: 'b', data: Buffer.from([1, 2]), mode: 0o400 },
      ],
    })
  })
  test('items choose and rename', () => {
    const found = plan({ configMap: { name: 'cm', items: [{ key: 'a', path: 'd/e', mode: 0o600 }] } })
    assert.deepEqual(found, { kind: 'files', files: [{ path: 'd/e', data: Buffer.from('x'), mode: 0o600 }] })
  })
  const refused: readonly [string, object, RegExp][] = [
    ['a missing object', { secret: { secretName: 'no' } }, /secret "no" not found/],
    ['a missing key', { configMap: { name: 'cm', items: [{ key: 'z', path: 'z' }] } }, /non-existent key: z/],
    ['a path that leads out', { configMap: { name: 'cm', items: [{ key: 'a', path: '../../x' }] } }, /leads out/],
    ['another kind', { hostPath: { path: '/' } }, /of kind hostPath/],
  ]
  for (const [what, volume, message] of refused) {
    test(`${what} is refused`, () => {
      const found = plan(volume)
      assert.ok(found.kind === 'refused')
      assert.match(found.message, message)
    })
  }
  test('what is optional may be missing', () => {
    assert.deepEqual(plan({ configMap: { name: 'no', optional: true } }), { kind: 'files', files: [] })
    assert.deepEqual(plan({ emptyDir: {} }), { kind: 'empty' })
  })
})
