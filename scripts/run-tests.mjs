// Runs the *.test.ts files below the given folders (or the given files) with node:test, two files at a time.
//
// Tests here kill processes, drop packets and load both cores. With --again a file that fails is run once more, alone:
// what fails twice is broken; what passes then is listed as unsteady, with its first failure above, to be mended.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './setup.mjs'

/** What takes longer hangs. */
const FILE_TIMEOUT_MS = 15 * 60_000
/** With more than these something is broken, and the first failures say what. */
const MOST_AGAIN = 3

const places = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-') && argument !== '--again')
const files = places.flatMap((place) => testFiles(join(root, place))).sort()
if (files.length === 0) {
  process.stderr.write(`No *.test.ts or *.test.mjs file below ${places.join(', ')}\n`)
  process.exit(2)
}
const first = run(files, 2)
process.exit(first.status === 0 || !process.argv.includes('--again') ? first.status : runAgain(first.failed))

function runAgain(failed) {
  if (failed.length === 0 || failed.length > MOST_AGAIN) return 1
  process.stdout.write(`\nOnce more, alone: ${failed.join(', ')}\n\n`)
  const { status } = run(failed, 1)
  if (status === 0) process.stdout.write(`\nUnsteady: failed above, passed alone: ${failed.join(', ')}\n`)
  return status
}

function run(paths, concurrency) {
  const directory = mkdtempSync(join(tmpdir(), 'fl-tests-'))
  const list = join(directory, 'failed')
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${join(root, 'scripts/failed-files.mjs')}`, `--test-reporter-destination=${list}`],
  ]
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        '--import',
        'tsx',
        '--test',
        `--test-timeout=${FILE_TIMEOUT_MS}`,
        `--test-concurrency=${concurrency}`,
        ...reporters,
        ...flags,
        ...paths,
      ],
      { cwd: root, stdio: 'inherit' },
    )
    return { status: status ?? 1, failed: readFileSync(list, 'utf8').split('\n').filter(Boolean) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function testFiles(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => {
    const child = join(path, name)
    if (statSync(child).isDirectory()) return name === 'node_modules' ? [] : testFiles(child)
    return /\.test\.(ts|mjs)$/.test(name) ? [child] : []
  })
}
