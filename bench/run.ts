/**
 * `npm run -s bench -- NAME [flags]`: runs `bench/NAME.ts`, which exports `run(args)`, and prints what it returns as one
 * line of JSON, the last line of standard output.
 */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Benchmark {
  /** Measures, and returns the figures under the names of DESIGN §10; a peer's stand under `peer`. */
  run(args: readonly string[]): Promise<Record<string, unknown>>
}

const directory = dirname(fileURLToPath(import.meta.url))
const [name, ...args] = process.argv.slice(2)
if (name === undefined || !/^[a-z-]+$/.test(name) || !existsSync(join(directory, `${name}.ts`))) {
  const names = readdirSync(directory).flatMap((file) =>
    file === 'run.ts' || !file.endsWith('.ts') ? [] : file.replace(/\.ts$/, ''),
  )
  process.stderr.write(`Usage: npm run -s bench -- NAME [flags], with NAME one of ${names.join(', ')}\n`)
  process.exit(2)
}
const benchmark = (await import(join(directory, `${name}.ts`))) as Benchmark
process.stdout.write(`${JSON.stringify({ bench: name, ...(await benchmark.run(args)) })}\n`)
process.exit(0)
