import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

let built: string | undefined

/** Directory of the built programs; builds them first where the sources are newer. Test files that run at once take turns. */
export function builtPrograms(): string {
  built ??= build()
  return built
}

/** The repository. */
export function repository(): string {
  return root
}

function build(): string {
  const script = "import { build } from './scripts/setup.mjs'; build()"
  const lock = join(root, 'node_modules', '.fairlead-build-lock')
  // The kernel gives the lock back when its holder ends, whatever ends it.
  execFileSync('flock', [lock, process.execPath, '--input-type=module', '-e', script], { cwd: root, stdio: 'inherit' })
  return join(root, 'dist')
}
