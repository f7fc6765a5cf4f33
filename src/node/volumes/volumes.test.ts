import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { testContainer, testPod } from '../test-pods.ts'
import { writeFilesAtomically } from './atomic-files.ts'
import { volumeFiles } from './volume-files.ts'
import { volumeMounts } from './volume-mounts.ts'

describe('volumes', () => {
  const cm = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm' },
    data: { a: 'x' },
    binaryData: { b: 'AQI=' },
  }
  const inputs = { configMaps: new Map([['cm', cm]]), secrets: new Map() }
  const place = {
    nodeName: 'n',
    hostIPs: ['192.168.0.11'],
    podIPs: ['10.244.1.2'],
    capacity: { cpu: '2', memory: '1Gi' },
  }
  const tokens = new Map([['3607/', 'a token']])
  const plan = (volume: object, pod = testPod()) =>
    volumeFiles({ name: 'v', ...volume }, { pod, inputs, place, tokens })

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
    [
      'a missing key',
      { configMap: { name: 'cm', items: [{ key: 'z', path: 'z' }] } },
      /references non-existent config key: z/,
    ],
    ['a path that leads out', { configMap: { name: 'cm', items: [{ key: 'a', path: '../../x' }] } }, /leads out/],
    [
      'an unknown field',
      { downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'spec.x' } }] } },
      /unsupported fieldPath: spec.x/,
    ],
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
  })
  test('a projected volume holds all of its sources, and the token is for its user only', () => {
    const sources = [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
      { configMap: { name: 'cm', items: [{ key: 'a', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [
            { path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } },
            { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
            { path: 'cpu', resourceFieldRef: { containerName: 'web', resource: 'limits.cpu', divisor: '1m' } },
          ],
        },
      },
    ]
    const shown = (pod: Parameters<typeof plan>[1]) => {
      const found = plan({ projected: { sources, defaultMode: 0o644 } }, pod)
      assert.ok(found.kind === 'files', JSON.stringify(found))
      return found.files.map(({ path, data, mode, uid }) =>
        `${path}=${data} ${mode.toString(8)} ${uid ?? ''}`.trimEnd(),
      )
    }
    const pod = testPod({}, { labels: { app: 'web', a: 'b' } })
    assert.deepEqual(shown(pod), [
      'token=a token 644',
      'ca.crt=x 644',
      'namespace=shop 644',
      'labels=a="b"\napp="web" 644',
      'cpu=2000 644',
    ])
    assert.equal(shown(testPod({ securityContext: { runAsUser: 7 } }))[0], 'token=a token 600 7')
  })

  test('files are replaced all at once, and nothing is written that is there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'fl-files-'))
    try {
      const file = (path: string, text: string) => ({ path, data: Buffer.from(text), mode: 0o640 })
      assert.equal(writeFilesAtomically(directory, [file('a', '1'), file('d/b', '2')], { stamp: 'x' }), true)
      assert.equal(readlinkSync(join(directory, 'd')), '..data/d')
      assert.equal(writeFilesAtomically(directory, [file('a', '1'), file('d/b', '2')], { stamp: 'y' }), false)
      assert.equal(writeFilesAtomically(directory, [file('a', '3')], { stamp: 'z' }), true)
      assert.deepEqual(readdirSync(directory).sort(), ['..data', '..z', 'a'])
      assert.equal(readFileSync(join(directory, 'a'), 'utf8'), '3')
      assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o640)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('a subPath never leads out of its volume', () => {
    const root = mkdtempSync(join(tmpdir(), 'fl-sub-'))
    try {
      mkdirSync(join(root, 'v'))
      symlinkSync('/etc', join(root, 'v', 'out'))
      const mountOf = (more: object) => {
        const container = testContainer('web', { volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] })
        const pod = testPod({ volumes: [{ name: 'v', emptyDir: {} }], containers: [container] })
        const found = volumeMounts(pod, container, { directory: root, env: new Map([['POD', 'web-1']]) })
        return found.kind === 'refused' ? found.message : (found.mounts[0]?.source ?? '').replace(root, '')
      }
      assert.equal(mountOf({ subPath: 'a/b' }), '/v/a/b')
      assert.equal(mountOf({ subPathExpr: 'logs/$(POD)' }), '/v/logs/web-1')
      assert.equal(mountOf({ subPathExpr: '$(NONE)' }), 'missing value for "NONE"')
      assert.equal(mountOf({ subPath: 'out/x' }), '/v/etc/x')
      assert.match(mountOf({ subPath: '../x' }), /leads out of the volume/)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})
