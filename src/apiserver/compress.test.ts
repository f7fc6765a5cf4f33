import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { compressed } from './compress.ts'
import { jsonResponse, textResponse } from './request.ts'
import { openTestBench } from './test-bench.ts'

const LARGE = { text: 'x'.repeat(200_000) }
const json = (body: object) => jsonResponse(200, body)

describe('large answers', () => {
  test('are compressed for those who take gzip', async () => {
    const { headers, body } = await compressed(json(LARGE), 'deflate, gzip;q=0.5')
    assert.deepEqual(headers, {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
    })
    assert.deepEqual(JSON.parse(gunzipSync(body as Uint8Array).toString()), LARGE)
  })
  test('are left as they are for others, and so is what is small, endless, not ours or compressed', async () => {
    const large = json(LARGE)
    for (const accepted of [undefined, '', 'identity', 'gzip;q=0', 'br, gzip; q=0.00', 'xgzip']) {
      assert.equal(await compressed(large, accepted), large)
    }
    const lines = (async function* () {})()
    const others = [
      json({ text: 'x'.repeat(1000) }),
      { ...large, body: lines },
      textResponse(200, LARGE.text),
      { ...large, headers: { ...large.headers, 'content-encoding': 'zstd' } },
    ]
    for (const other of others) assert.equal(await compressed(other, 'gzip'), other)
  })
  test('come over the wire so, a list as well as one object, and small ones do not', async () => {
    await using bench = await openTestBench()
    const identity = await bench.certify('root', ['system:masters'])
    const path = '/api/v1/namespaces/default/configmaps'
    const send = { method: 'POST', identity, headers: { 'content-type': 'application/json' } }
    const made = await bench.send(path, { ...send, body: JSON.stringify({ metadata: { name: 'large' }, data: LARGE }) })
    assert.equal(made.status, 201)
    const get = async (url: string) => {
      const asked = request({
        host: '127.0.0.1',
        port: bench.port,
        path: url,
        rejectUnauthorized: false,
        agent: false,
        cert: identity.certificatePem,
        key: identity.privateKeyPem,
        headers: { 'accept-encoding': 'gzip' },
      }).end()
      const [answer] = await new Promise<[IncomingMessage]>((resolve, reject) => {
        asked.on('response', (incoming) => resolve([incoming])).on('error', reject)
      })
      const bytes = await buffer(answer)
      assert.equal(answer.headers['content-length'], String(bytes.byteLength))
      return { encoding: answer.headers['content-encoding'], bytes }
    }
    for (const url of [path, `${path}/large`]) {
      const { encoding, bytes } = await get(url)
      assert.equal(encoding, 'gzip')
      assert.ok(bytes.byteLength < 10_000)
      const found = JSON.parse(gunzipSync(bytes).toString())
      assert.equal((found.items?.[0] ?? found).data.text, LARGE.text)
    }
    assert.equal((await get('/api/v1/namespaces/default')).encoding, undefined)
  })
})
