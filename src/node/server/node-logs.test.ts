import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { isHttpFailure } from './http-failure.ts'
import { nodeLog } from './node-logs.ts'

test('files and lists of the log directory are shown, and nothing beside it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-logs-'))
  try {
    const root = join(directory, 'logs')
    mkdirSync(join(root, 'pods'), { recursive: true })
    writeFileSync(join(root, 'pods', 'a&b.log'), 'said')
    writeFileSync(join(directory, 'secret'), 'x')
    symlinkSync('../../secret', join(root, 'pods', 'link'))
    const list = nodeLog(root, 'pods/')
    assert.match('html' in list ? list.html : '', /<a href="a&b.log">a&#38;b.log<\/a>\n<a href="link">/)
    const file = nodeLog(root, '/pods/a&b.log')
    assert.ok('body' in file)
    assert.equal(await text(file.body), 'said')
    for (const path of ['../secret', 'pods/link', '..', '/pods/../../secret', 'none', 'pods/a&b.log/x', '\0']) {
      assert.ok(isHttpFailure(nodeLog(root, path)), path)
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})
