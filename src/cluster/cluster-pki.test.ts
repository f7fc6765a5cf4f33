import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { openClusterPki } from './cluster-pki.ts'
import { createClusterSpec } from './cluster-spec.ts'

test('certificates are kept, and those that no longer say what is needed are made anew', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-pki-'))
  try {
    const spec = createClusterSpec({ nodes: 2 })
    const open = () => openClusterPki({ directory, spec, apiAddresses: ['127.0.0.1'], clock: systemClock })
    const first = await open()
    const kubelet = new X509Certificate(first.nodes.get('node-1')?.certificatePem ?? '')
    assert.equal(kubelet.checkIP('192.168.0.11'), '192.168.0.11')
    assert.equal(kubelet.checkHost('node-1'), 'node-1')
    assert.equal(kubelet.checkHost('node-2'), undefined)
    assert.deepEqual([...kubelet.keyUsage].sort(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    assert.deepEqual(await open(), first)
    // As a cluster of an earlier version kept it: a kubelet was only a client, and had no names.
    const file = join(directory, 'pki.json')
    const kept = JSON.parse(readFileSync(file, 'utf8'))
    kept.pairs['kubelet-node-1'] = kept.pairs.admin
    delete kept.pairs['kube-apiserver-kubelet-client']
    writeFileSync(file, JSON.stringify(kept))
    const again = await open()
    const renewed = new X509Certificate(again.nodes.get('node-1')?.certificatePem ?? '')
    assert.equal(renewed.checkHost('node-1'), 'node-1')
    assert.match(new X509Certificate(again.kubeletClient.certificatePem).subject, /^CN=kube-apiserver-kubelet-client$/)
    assert.deepEqual(
      [again.caPem, again.admin, again.nodes.get('node-2')],
      [first.caPem, first.admin, first.nodes.get('node-2')],
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})
