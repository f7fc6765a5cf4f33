import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ApiError } from '../../src/kube/api-error.ts'
import type { Client } from '../../src/kube/client.ts'
import { configMaps } from '../../src/kube/resource.ts'
import type { ConfigMap } from '../../src/kube/types/core.ts'
import { findRunc } from '../../src/node/runtime/runc-command.ts'
import { builtPrograms, repository } from './built-programs.ts'
import { applyEcho } from './echo-workload.ts'
import { hostDifferences, hostSnapshot } from './host-snapshot.ts'
import { type Outcome, RunningCommand } from './running-command.ts'
import { TestHome } from './test-cluster.ts'

/** One sentence about what is wrong, then the mend; nothing else, and no trace of code. */
function assertSays({ code, stdout, stderr }: Outcome, wanted: { code: number; says: RegExp }): void {
  assert.match(stderr, wanted.says)
  assert.equal(code, wanted.code, stderr)
  assert.equal(stdout, '')
  assert.doesNotMatch(stderr, /^\s+at /m)
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
}

/** Runs the built command line as it is on a machine that a shell script changes for it alone: its mounts are its own. */
function runAfter(home: TestHome, script: string, args: readonly string[]): Promise<Outcome> {
  const command = ['sh', '-c', `${script}\nexec "$@"`, 'sh', process.execPath, join(builtPrograms(), 'fairlead.js')]
  return new RunningCommand('unshare', ['--mount', ...command, ...args], { env: home.environment }).ended()
}

test('the name of a running cluster is taken; the cluster goes on', async () => {
  await using home = new TestHome()
  const cluster = await home.up({ nodes: 1 })
  for (const flags of [[], ['--detach'], ['--check']]) {
    assertSays(await home.run('up', '--name', cluster.name, '--api-port', '0', ...flags), {
      code: 3,
      says: new RegExp(
        `^error: The cluster ${cluster.name} is running already\\. .*fairlead down --name ${cluster.name}`,
      ),
    })
  }
  await applyEcho(cluster.client, 'echo', 1)
})

test('a port that somebody has', async () => {
  await using home = new TestHome()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    for (const flags of [[], ['--detach']]) {
      assertSays(await home.run('up', '--name', home.name(), '--api-port', String(port), ...flags), {
        code: 3,
        says: new RegExp(`^error: Cannot serve the API on 127\\.0\\.0\\.1:${port}: .*in use\\. .*--api-port`),
      })
      assert.deepEqual(home.remains(), [])
    }
  } finally {
    server.close()
  }
})

test('no runc', async () => {
  await using home = new TestHome()
  const { path } = findRunc('')
  const before = hostSnapshot()
  for (const flags of [[], ['--detach']]) {
    // A device has no permission to be executed.
    const outcome = await runAfter(home, `mount --bind /dev/null ${path}`, ['up', '--name', home.name(), ...flags])
    assertSays(outcome, {
      code: 3,
      says: /^error: Cannot run containers: there is no runc in PATH\. .*apt-get install runc/,
    })
    assert.deepEqual(home.remains(), [])
  }
  assert.deepEqual(hostDifferences(before, hostSnapshot()), [])
})

test('not root', async () => {
  await using home = new TestHome()
  const cluster = await home.up({ nodes: 1 })
  const name = home.name('-other')
  const asNobody = (...args: string[]) => {
    // The repository may lie where only root can look: an ordinary user sees it through a mount.
    const script = `chmod 755 ${home.directory}; mount --bind ${repository()} /mnt
      node=$1; shift 2
      set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$node" /mnt/dist/fairlead.js "$@"`
    return runAfter(home, script, args)
  }
  const refused = {
    code: 3,
    says: /^error: Cannot .* as an ordinary user\. Run the command as root, for example with sudo/,
  }
  for (const flags of [[], ['--check'], ['--detach']])
    assertSays(await asNobody('up', '--name', name, ...flags), refused)
  assertSays(await asNobody('down', '--name', cluster.name), refused)
  assertSays(await asNobody('status'), refused)
  assertSays(await asNobody('kubeconfig', '--name', cluster.name), refused)
  assertSays(await asNobody('image', 'add', 'x', '/bin/true'), refused)
  await applyEcho(cluster.client, 'echo', 1)
})

describe('a full disk', () => {
  for (const root of ['state', 'run'] as const) {
    for (const size of ['4k', '2m']) {
      test(`${root} directory on a disk of ${size}`, async () => {
        await using home = new TestHome()
        mountSmallDisk(home.roots[root], size)
        for (const flags of [[], ['--detach']]) {
          assertSays(await home.run('up', '--name', home.name(), '--api-port', '0', ...flags), {
            code: 3,
            says: /^error: Cannot .*(free|space).* Free some disk space and run the command again/,
          })
          assert.deepEqual(
            home.remains().filter((line) => line !== `mount ${home.roots[root]}`),
            [],
          )
        }
        execFileSync('umount', [home.roots[root]])
      })
    }
  }

  test('that fills up while the cluster runs: writes are refused, and down works', async () => {
    await using home = new TestHome()
    mountSmallDisk(home.roots.state, '80m')
    const cluster = await home.up({ nodes: 1 })
    const ballast = join(home.roots.state, 'ballast')
    fill(ballast)
    const refusal = await refusedWrite(cluster.client)
    assert.match(refusal.message, /space/)
    assert.ok(refusal.status.code !== undefined && refusal.status.code >= 500, JSON.stringify(refusal.status))
    await cluster.client.list(configMaps)
    rmSync(ballast)
    await cluster.client.create(configMaps, bigConfigMap('after'))
    fill(ballast)
    const { code, stderr } = await home.run('down', '--name', cluster.name)
    assert.equal(code, 0, stderr)
    rmSync(ballast)
    execFileSync('umount', [home.roots.state])
    assert.deepEqual(home.remains(), [])
  })
})

const usages: readonly (readonly [args: string, says: RegExp])[] = [
  ['up --nodes 0', /Cannot start 0 nodes: give a whole number from 1 to \d+/],
  ['up --nodes many', /'many' is invalid.*whole number/],
  ['up --api-port 70000 --name x', /Cannot listen on port 70000/],
  ['up --name Up', /Cannot name a cluster 'Up'/],
  ['up --detach --check', /--detach.* cannot be used with .*--check/],
  ['up --image nothing', /Cannot add the image 'nothing': give NAME=PATH/],
  ['up --image a=/does/not/exist', /\/does\/not\/exist/],
  ['up extra', /too many arguments/],
  ['down --name Up', /Cannot name a cluster 'Up'/],
  ['status --name Up', /Cannot name a cluster 'Up'/],
  ['kubeconfig --name ../x', /Cannot name a cluster '..\/x'/],
  ['status -o yaml', /Allowed choices are text, json/],
  ['nonsense', /unknown command 'nonsense'/],
  ['up --nonsense', /unknown option '--nonsense'/],
  ['image add only-a-name', /missing required argument 'path'/],
]

test('bad usage: exit code 2, and nothing is begun', async () => {
  await using home = new TestHome()
  const name = home.name()
  for (const [args, says] of usages) {
    // Should one of them start a cluster after all, it is found and taken down.
    const own = args.startsWith('up') && !args.includes('--name') ? ['--name', name, '--api-port', '0'] : []
    const { code, stdout, stderr } = await home.run(...args.split(' '), ...own)
    assert.match(stderr, says, args)
    assert.equal(code, 2, `${args}: ${stderr}`)
    assert.equal(stdout, '', args)
    assert.doesNotMatch(stderr, /^\s+at /m, args)
    assert.deepEqual(home.remains(), [], args)
  }
})

/** Writes until a write is refused. */
async function refusedWrite(client: Client): Promise<ApiError> {
  for (let i = 0; i < 100; i++) {
    try {
      await client.create(configMaps, bigConfigMap(`big-${i}`))
    } catch (error) {
      if (error instanceof ApiError) return error
      throw error
    }
  }
  throw new Error('The API server acknowledged 50 MB on a full disk')
}

function bigConfigMap(name: string): ConfigMap {
  const data = { text: 'x'.repeat(500_000) }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data }
}

/** Mounts an empty file system of its own at a directory of the test. */
function mountSmallDisk(directory: string, size: string): void {
  mkdirSync(directory)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'fairlead-test', directory])
}

/** Writes a file until the disk is full. */
function fill(path: string): void {
  const chunk = Buffer.alloc(64 * 1024)
  try {
    for (;;) writeFileSync(path, chunk, { flag: 'a' })
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}
