import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { endToEndHeaders, upgradeHeaders } from './hop-headers.ts'
import { proxiedLocation, proxyName, proxyPath } from './proxy-path.ts'

const WEB = '/api/v1/namespaces/shop/services/http:web:80/proxy'

describe('where a proxied request leads', () => {
  test('what follows the proxy is handed on as it was sent', () => {
    assert.deepEqual(proxyPath(`${WEB}/a%2Fb/proxy/c?x=1&y=%20`), {
      prefix: WEB,
      rest: '/a%2Fb/proxy/c',
      search: '?x=1&y=%20',
    })
    assert.deepEqual(proxyPath(WEB), { prefix: WEB, rest: '', search: '' })
    const node = '/api/v1/nodes/node-1/proxy'
    assert.deepEqual(proxyPath(`${node}/`), { prefix: node, rest: '/', search: '' })
    for (const other of ['/api/v1/pods/a/proxy/', `${WEB}y/`, '/apis/v1/nodes/a/proxy']) {
      assert.equal(proxyPath(other), undefined, other)
    }
  })
  test('names with scheme and port', () => {
    const named = (text: string) => {
      const found = proxyName(text)
      return found && [found.scheme, found.name, found.port]
    }
    assert.deepEqual(named('web'), ['http', 'web', ''])
    assert.deepEqual(named('web:http'), ['http', 'web', 'http'])
    assert.deepEqual(named('https:web:443'), ['https', 'web', '443'])
    assert.deepEqual(named('https:web:'), ['https', 'web', ''])
    for (const bad of ['', ':80', 'ftp:web:21', 'http::80', 'a:b:c:d']) assert.equal(named(bad), undefined, bad)
  })
  test('redirects stay below the proxy, unless they lead elsewhere', () => {
    const path = { prefix: WEB, rest: '/', search: '' }
    const led = (location: string) => proxiedLocation(location, path, ['10.244.0.2:8080'])
    assert.equal(led('/login?a#b'), `${WEB}/login?a#b`)
    assert.equal(led('http://10.244.0.2:8080/x?y#z'), `${WEB}/x?y#z`)
    for (const same of ['http://example.com/', '//example.com/', 'relative']) assert.equal(led(same), same)
  })
})

test('headers about one connection, and of who the client is, are not handed on', () => {
  const headers = {
    connection: 'Upgrade, X-Own',
    upgrade: 'websocket',
    'x-own': '1',
    authorization: 'Bearer secret',
    'transfer-encoding': 'chunked',
    cookie: 'a=b',
    'set-cookie': ['a', 'b'],
    missing: undefined,
  }
  assert.deepEqual(endToEndHeaders(headers), { cookie: 'a=b', 'set-cookie': ['a', 'b'] })
  assert.deepEqual(upgradeHeaders(headers), { connection: 'Upgrade', upgrade: 'websocket' })
  assert.deepEqual(upgradeHeaders({}), {})
})
