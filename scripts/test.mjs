// `npm test`: everything there is to check, from types to a running cluster, on a fresh clone too.
import { spawnSync } from 'node:child_process'
import { root, setUp } from './setup.mjs'

setUp({ tests: true })

// A test file that fails has a second try (see run-tests.mjs).
const steps = [['types'], ['lint'], ['layers'], ['unit', '--', '--again'], ['e2e', '--', '--again']]
for (const [step, ...flags] of steps) {
  process.stdout.write(`\n== ${step}\n`)
  const { status } = spawnSync('npm', ['run', '-s', step, ...flags], { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    process.stdout.write(`\nnpm test: ${step} failed; run it alone with: npm run ${step}\n`)
    process.exit(status ?? 1)
  }
}
