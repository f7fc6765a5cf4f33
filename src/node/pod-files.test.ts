import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  formatResolver,
  hostnameProblem,
  nodeHosts,
  parseResolver,
  podHostname,
  podHosts,
  podResolver,
} from './pod-files.ts'
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
    assert.equal(podHostname(testPod({}, { name: `${'a'.repeat(62)}-b` }), 'c'), 'a'.repeat(62))
    assert.equal(podHostname(testPod({ hostname: 'db-0' }), 'c'), 'db-0')
  })
  test("a host name may be the one in full, as long as the kernel takes it, and is the node's in its network", () => {
    const spec = { hostname: 'db-0', subdomain: 'db', setHostnameAsFQDN: true }
    assert.equal(podHostname(testPod(spec), 'cluster.local'), 'db-0.db.shop.svc.cluster.local')
    assert.equal(hostnameProblem(testPod(spec), 'cluster.local'), undefined)
    const long = testPod({ ...spec, subdomain: 'd'.repeat(60) })
    assert.match(
      hostnameProblem(long, 'cluster.local') ?? '',
      /is too long \(64 characters is the max, 88 characters requested\)$/,
    )
    assert.equal(podHostname(testPod({ hostNetwork: true, nodeName: 'node-1' }), 'c'), 'node-1')
    assert.equal(
      nodeHosts(testPod({ hostAliases: [{ ip: '9.9.9.9', hostnames: ['a'] }] }), '127.0.0.1 localhost\n'),
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n\n# Entries added by HostAliases.\n9.9.9.9\ta\n',
    )
  })
  test('searches beyond what the line takes are left out', () => {
    const searches = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(120, 'a'))
    assert.equal(podResolver(testPod({ dnsPolicy: 'None', dnsConfig: { searches } }), dns, host).searches.length, 16)
  })
})
