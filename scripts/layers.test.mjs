import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findViolations, importsOf, violation } from './layers.mjs'

test('violation() lets imports go downwards only', () => {
  assert.equal(violation('proxy', 'linux'), undefined)
  assert.equal(violation('proxy', 'proxy'), undefined)
  assert.match(violation('linux', 'proxy') ?? '', /lies below/)
})

test('violation() keeps the API server and the store to the cluster', () => {
  assert.equal(violation('cluster', 'apiserver'), undefined)
  assert.match(violation('node', 'apiserver') ?? '', /only cluster/)
  assert.match(violation('controllers', 'store') ?? '', /only cluster and apiserver/)
})

test('violation() keeps Kubernetes and the kernel apart', () => {
  assert.match(violation('kube', 'linux') ?? '', /must know nothing/)
  assert.match(violation('linux', 'kube') ?? '', /lies below|must know nothing/)
})

test('importsOf() sees static, type, re-exporting and dynamic imports', () => {
  const text =
    "import type { A } from './a.ts'\nimport {\n  b,\n} from '../b.ts'\nexport { c } from './c.ts'\nawait import('./d.ts')\n"
  assert.deepEqual(importsOf(text), ['./a.ts', '../b.ts', './c.ts', './d.ts'])
})

test('findViolations() names file, import and reason', () => {
  const source = mkdtempSync(join(tmpdir(), 'fairlead-layers-'))
  try {
    for (const folder of ['linux', 'proxy']) mkdirSync(join(source, folder))
    writeFileSync(join(source, 'linux', 'a.ts'), "import { b } from '../proxy/b.ts'\n")
    writeFileSync(join(source, 'proxy', 'b.ts'), "import { a } from '../linux/a.ts'\n")
    assert.deepEqual(findViolations(source), ['linux/a.ts: imports ../proxy/b.ts: linux lies below proxy'])
  } finally {
    rmSync(source, { recursive: true })
  }
})
