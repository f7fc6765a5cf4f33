// Runs the *.test.ts files below the given folders (or the given files) with node:test, two files at a time.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const places = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const files = places.flatMap((place) => testFiles(join(root, place))).sort()
if (files.length === 0) {
  process.stderr.write(`No *.test.ts or *.test.mjs file below ${places.join(', ')}\n`)
  process.exit(2)
}
const result = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-concurrency=2', '--test-reporter=spec', ...flags, ...files],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)

function testFiles(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => {
    const child = join(path, name)
    if (statSync(child).isDirectory()) return name === 'node_modules' ? [] : testFiles(child)
    return /\.test\.(ts|mjs)$/.test(name) ? [child] : []
  })
}
