// After `npm install`: adds to package-lock.json the entries of packages for other platforms that a registry without
// them leaves out, since `npm ci` refuses a lock file in which an optional dependency is missing.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const PLATFORM = /(aix|android|darwin|freebsd|linux|openbsd|win32)-(arm64|x64|arm|ia32)(-musl)?$/

const path = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8'))
const missing = Object.values(lock.packages).flatMap((owner) =>
  Object.entries(owner.optionalDependencies ?? {})
    .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
    .map(([name, version]) => [`node_modules/${name}`, entry(name, version, owner)]),
)
const packages = [...Object.entries(lock.packages), ...missing].sort(([a], [b]) => (a < b ? -1 : 1))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`)
process.stdout.write(`package-lock.json: ${missing.length} entries added\n`)

function entry(name, version, owner) {
  const [, os, cpu, musl] = PLATFORM.exec(name) ?? []
  if (os === undefined) {
    process.stderr.write(`${name}: the platform cannot be told from the name\n`)
    process.exit(1)
  }
  return {
    version,
    cpu: [cpu],
    ...(owner.dev ? { dev: true } : {}),
    ...(musl ? { libc: ['musl'] } : {}),
    license: owner.license,
    optional: true,
    os: [os],
    ...(owner.engines ? { engines: owner.engines } : {}),
  }
}
