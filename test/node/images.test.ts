import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/kube/types/core.ts'
import { dockerSave, tar } from '../../src/node/images/test-archive.ts'
import { KubeletBench } from './kubelet-bench.ts'

describe('added images', { timeout: 60_000 }, () => {
  let bench: KubeletBench
  before(async () => {
    bench = await KubeletBench.open()
  })
  after(() => bench[Symbol.asyncDispose]())

  /** Runs a pod of an image to its end; what it wrote. */
  async function output(name: string, container: Parameters<KubeletBench['createPod']>[1]): Promise<string> {
    await bench.createPod(name, container, { restartPolicy: 'Never' })
    const ended = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    const pod = await bench.podUntil(name, ended)
    const text = bench.readLog(pod?.metadata.uid ?? '')
    assert.equal(pod?.status?.phase, 'Succeeded', text)
    return text
  }

  test("a program runs under its own name, with the machine's tools at hand", async () => {
    const path = join(bench.directory, 'my-tool')
    writeFileSync(path, '#!/bin/sh\necho "$0 $1 $(curl --version | head -1 | cut -c1-4) $(dig -v 2>&1 | cut -c1-3)"\n')
    await bench.images.add('tool', path)
    assert.equal(await output('tool', { image: 'tool:1.0', args: ['x'] }), '/my-tool x curl DiG\n')
  })

  test('a root file system is all that its container sees, and is never written to', async () => {
    const root = join(bench.directory, 'rootfs')
    copyProgram(root, '/bin/sh')
    await bench.images.add('shell', root, { entrypoint: ['/bin/sh', '-c', 'echo /*; echo x >/new'] })
    const text = await output('shell', { image: 'shell' })
    assert.match(text, /^\/bin \/dev \/etc .*\/proc \/sys/)
    assert.doesNotMatch(text, /\/usr|\/root/)
    assert.deepEqual(
      readdirSync(root).filter((name) => name === 'new'),
      [],
    )
  })

  test('an archive runs as whom it says, where it says, with its variables', async () => {
    const root = join(bench.directory, 'layer')
    copyProgram(root, '/bin/sh')
    mkdirSync(join(root, 'srv'))
    const base = execFileSync('tar', ['-c', '-C', root, '.'], { maxBuffer: 1 << 28 })
    const top = tar([{ path: 'etc/passwd', content: 'web:x:1234:1235::/:/bin/sh\n' }])
    const script = 'while read k v r; do [ "$k" = Uid: ] && echo "$v $PWD $GREETING"; done </proc/self/status; :'
    const config = { Cmd: ['/bin/sh', '-c', script], Env: ['GREETING=hi'], WorkingDir: '/srv', User: 'web' }
    const path = join(bench.directory, 'image.tar')
    writeFileSync(path, tar(dockerSave({ layers: [base, top], config })))
    await bench.images.add('registry.example/team/app:2', path)
    assert.equal(await output('app', { image: 'registry.example/team/app:2' }), '1234 /srv hi\n')
  })
})

/** Copies a program with the libraries that it needs. */
function copyProgram(root: string, program: string): void {
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? []
  for (const path of [program, ...libraries]) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    copyFileSync(path, join(root, path))
  }
  assert.ok(readFileSync(join(root, program)).length > 0)
}
