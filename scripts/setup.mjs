// Brings a clone to the point where Fairlead runs: packages, build, system tools. Plain Node.js, no dependencies, and
// fast when there is nothing to do, since every `npm run up` passes here.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Commands that Fairlead runs, with the Debian package that brings each. */
const RUN_TOOLS = { runc: 'runc' }
/** Commands for a part of the work: without them the rest goes on. */
const OPTIONAL_TOOLS = { haproxy: 'haproxy' }
/** Commands that only tests and benchmarks use, as oracles and as clients. */
const TEST_TOOLS = {
  ip: 'iproute2',
  nft: 'nftables',
  conntrack: 'conntrack',
  tcpdump: 'tcpdump',
  strace: 'strace',
  curl: 'curl',
  dig: 'dnsutils',
  drill: 'ldnsutils',
  kdig: 'knot-dnsutils',
  dnsperf: 'dnsperf',
  'musl-gcc': 'musl-tools',
  kubectl: 'kubernetes-client',
}

const OLDEST_NODE = [20, 10]

/**
 * Does what is missing, and says so on standard error.
 *
 * @param {{ tests?: boolean }} options `tests`: also what the tests need.
 */
export function setUp(options = {}) {
  requireNode()
  installPackages()
  build()
  installTools(RUN_TOOLS, true)
  installTools(OPTIONAL_TOOLS, false)
  if (options.tests) {
    installTools(TEST_TOOLS, false)
    unpackDebianKubectl()
  }
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantedMajor, wantedMinor] = OLDEST_NODE
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  fail(`Node.js ${process.versions.node} is too old: Fairlead needs ${OLDEST_NODE.join('.')} or newer`)
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.fairlead-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('installing npm packages')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, lock)
}

/** Bundles the programs when a source is newer. */
export function build() {
  const built = join(root, 'dist', '.built')
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0
  const inputs = ['src', 'scripts', 'package.json'].map((name) => join(root, name))
  if (inputs.every((path) => newestChange(path) <= builtAt)) return
  say('building')
  run(process.execPath, [join(root, 'scripts', 'build.mjs')])
  mkdirSync(dirname(built), { recursive: true })
  writeFileSync(built, '')
}

/** The newest modification time in a file or a tree, in milliseconds. */
function newestChange(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  let newest = stat.mtimeMs
  for (const name of readdirSync(path)) newest = Math.max(newest, newestChange(join(path, name)))
  return newest
}

function installTools(tools, required) {
  const missing = Object.keys(tools).filter((tool) => !isOnPath(tool))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((tool) => tools[tool]))]
  const byHand = `apt-get update && apt-get install -y ${packages.join(' ')}`
  if (!isOnPath('apt-get') || process.getuid?.() !== 0) {
    report(
      `${missing.join(', ')} missing. Install as root: ${byHand} (or your system's packages of these names)`,
      required,
    )
    return
  }
  say(`installing ${packages.join(', ')}`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages]
  if (spawnSync('apt-get', install, { stdio: 'ignore', env: environment }).status !== 0) {
    spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore', env: environment })
    spawnSync('apt-get', install, { stdio: ['ignore', 'ignore', 'inherit'], env: environment })
  }
  const stillMissing = missing.filter((tool) => !isOnPath(tool))
  if (stillMissing.length > 0) report(`${stillMissing.join(', ')} could not be installed. Try: ${byHand}`, required)
}

/**
 * Debian's kubectl is the oldest that can be had: tests use it beside the machine's own, so it is unpacked and not
 * installed. Where that cannot be done, the tests go without.
 */
function unpackDebianKubectl() {
  const directory = join(root, 'node_modules', '.cache', 'fairlead', 'debian-kubectl')
  if (existsSync(join(directory, 'usr', 'bin', 'kubectl')) || !['apt-get', 'dpkg-deb'].every(isOnPath)) return
  mkdirSync(directory, { recursive: true })
  const options = { cwd: directory, stdio: 'ignore' }
  const isDownloaded = () => spawnSync('apt-get', ['download', '-q', 'kubernetes-client'], options).status === 0
  if (!isDownloaded() && !(spawnSync('apt-get', ['update', '-q'], options).status === 0 && isDownloaded())) {
    say("Debian's kubectl could not be downloaded: tests do without it")
    return
  }
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.deb'))) {
    spawnSync('dpkg-deb', ['-x', file, '.'], options)
    rmSync(join(directory, file))
  }
}

function isOnPath(tool) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']
  return directories.some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK)
      return true
    } catch {
      return false // not here: the next directory is asked
    }
  })
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.status !== 0) fail(`${command} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}`)
}

function report(message, required) {
  if (required) fail(message)
  say(message)
}

function say(message) {
  process.stderr.write(`fairlead: ${message}\n`)
}

function fail(message) {
  say(message)
  process.exit(3)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp({ tests: process.argv.includes('--tests') })
