import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isPage, proxiedPage, withLinks } from './proxied-page.ts'

const moved = (link: string) => (link.startsWith('/') ? `/proxy${link}` : link)

describe('pages that come through a proxy', () => {
  test('links to places of the backend lead below the proxy, whatever their tag', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['<a class="/x" href="/a?b=c">', '<a class="/x" href="/proxy/a?b=c">'],
      ["<IMG SRC='/i.png' alt='/'>", "<IMG SRC='/proxy/i.png' alt='/'>"],
      ['<script src=/app.js defer></script>', '<script src=/proxy/app.js defer></script>'],
      ['<form method="post" action="/go">', '<form method="post" action="/proxy/go">'],
      ['<a title="a > b" href="/x">', '<a title="a > b" href="/proxy/x">'],
      ['<a href="relative">', '<a href="relative">'],
      ['<p href="/x">1 < 2 && "href=/y"</p>', '<p href="/x">1 < 2 && "href=/y"</p>'],
      ['<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'],
    ]
    for (const [page, expected] of cases) assert.equal(withLinks(page, moved), expected)
  })

  test('compressed pages are sent as they are read, with the bytes of their character set', () => {
    const body = Buffer.from('<a href="/x">\u00e4</a>')
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-encoding': 'gzip', 'content-length': '99' }
    const page = proxiedPage(headers, gzipSync(body), moved)
    assert.deepEqual(page.headers, { 'content-type': 'text/html; charset=utf-8' })
    assert.equal(Buffer.from(page.body).toString(), '<a href="/proxy/x">\u00e4</a>')
  })

  test('what is no page, or compressed in a way not known, is left alone', () => {
    assert.equal(isPage({ 'content-type': 'Text/HTML' }), true)
    assert.equal(isPage({ 'content-type': 'text/html', 'content-encoding': 'br' }), false)
    assert.equal(isPage({ 'content-type': 'application/json' }), false)
    assert.equal(isPage({}), false)
  })
})
