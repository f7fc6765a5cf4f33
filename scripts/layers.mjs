// Holds the house's order: a folder of src/ imports only from folders below it, and only cluster/ knows the API server
// and the store. Prints every import that does not.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './setup.mjs'

/** From the top of the house to its foundation. */
export const LAYERS = [
  'cli',
  'matrix',
  'cluster',
  'trace',
  'console',
  'ccm',
  'cloud',
  'node',
  'network',
  'proxy',
  'dns',
  'controllers',
  'apiserver',
  'store',
  'kube',
  'linux',
  'base',
]

/** Folders that only these may import. */
const PRIVATE = { apiserver: ['cluster'], store: ['cluster', 'apiserver'] }
/** `kube` is the object model and must run anywhere; `linux` is the kernel and knows no Kubernetes. */
const FORBIDDEN = { kube: ['linux'], linux: ['kube'] }

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n]*(?:\{[^}]*\}[^'"\n]*)?['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)/g

/**
 * Why a file of folder `from` must not import from folder `to`; undefined when it may.
 *
 * @param {string} from
 * @param {string} to
 * @returns {string | undefined}
 */
export function violation(from, to) {
  if (from === to) return undefined
  const [fromLayer, toLayer] = [LAYERS.indexOf(from), LAYERS.indexOf(to)]
  if (fromLayer < 0) return `src/${from} has no place in the list of layers`
  if (toLayer < 0) return `src/${to} has no place in the list of layers`
  if (toLayer < fromLayer) return `${from} lies below ${to}`
  if (FORBIDDEN[from]?.includes(to)) return `${from} must know nothing of ${to}`
  if (PRIVATE[to] !== undefined && !PRIVATE[to].includes(from))
    return `only ${PRIVATE[to].join(' and ')} may import ${to}`
  return undefined
}

/** Every forbidden import below `source`, one line each. */
export function findViolations(source) {
  return sourceFiles(source).flatMap((file) => {
    const from = relative(source, file).split('/')[0]
    return importsOf(readFileSync(file, 'utf8')).flatMap((specifier) => {
      const target = relative(source, resolve(dirname(file), specifier))
      if (target.startsWith('..')) return [`${relative(source, file)}: imports ${specifier} from outside src/`]
      const reason = violation(from, target.split('/')[0])
      return reason === undefined ? [] : [`${relative(source, file)}: imports ${specifier}: ${reason}`]
    })
  })
}

export function importsOf(text) {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2])
}

function sourceFiles(directory) {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    if (statSync(path).isDirectory()) return sourceFiles(path)
    // A test may stand on anything: it drives the part through the whole house.
    return name.endsWith('.ts') && !name.endsWith('.test.ts') ? [path] : []
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = findViolations(join(root, 'src'))
  for (const line of violations) process.stderr.write(`${line}\n`)
  if (violations.length > 0) process.exit(1)
  process.stdout.write('layers: every import goes downwards\n')
}
