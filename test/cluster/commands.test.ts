import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadKubeconfig } from '../../src/kube/kubeconfig.ts'
import { isAlive, killProcess } from '../../src/linux/process.ts'
import { poll } from './poll.ts'
import { TestHome } from './test-cluster.ts'

test('Ctrl-C takes everything down', async () => {
  await using home = new TestHome()
  const { command } = await home.up()
  command.kill('SIGINT')
  const { code, stderr } = await command.ended()
  assert.equal(code, 130)
  assert.match(stderr, /Taking everything down/)
  assert.deepEqual(home.remains(), [])
})

test('Ctrl-C while the cluster starts takes down what there is', async () => {
  await using home = new TestHome()
  for (const moment of [/internet made/, /API server answers/]) {
    const command = home.start('up', '--name', home.name(), '--api-port', '0')
    await command.printed(moment)
    command.kill('SIGINT')
    assert.equal((await command.ended()).code, 130)
    assert.deepEqual(home.remains(), [])
  }
})

test('Ctrl-C twice ends at once, and down cleans up', async () => {
  await using home = new TestHome()
  const cluster = await home.up()
  // An agent that does not stop: taking the cluster down waits for it.
  const agent = cluster.member('node-2')
  killProcess(agent, 'SIGSTOP')
  cluster.command.kill('SIGINT')
  await cluster.command.printed(/Taking everything down/)
  cluster.command.kill('SIGINT')
  assert.equal((await cluster.command.ended()).code, 130)
  assert.ok(isAlive(agent), 'it waited for the agent')
  killProcess(agent, 'SIGCONT')
  await home.show('down', '--name', cluster.name)
  assert.deepEqual(home.remains(), [])
})

test('the end of the terminal and of the reader takes everything down, too', async () => {
  await using home = new TestHome()
  const { command } = await home.up({ nodes: 1 })
  command.closeOutput()
  command.kill('SIGHUP')
  assert.equal((await command.ended()).code, 130)
  assert.deepEqual(home.remains(), [])
})

test('down ends a cluster that is still starting', async () => {
  await using home = new TestHome()
  const name = home.name()
  const command = home.start('up', '--name', name, '--api-port', '0')
  await command.printed(/internet made/)
  await home.show('down', '--name', name)
  const { code, stderr } = await command.ended()
  assert.match(stderr, new RegExp(`The cluster ${name} was taken down before it was ready`))
  assert.equal(code, 3)
  assert.deepEqual(home.remains(), [])
})

test('Ctrl-C while up --detach waits ends the cluster in the background', async () => {
  await using home = new TestHome()
  const name = home.name()
  const { detachedLog } = home.layout(name)
  const command = home.start('up', '--name', name, '--api-port', '0', '--detach')
  await poll('a network', () => (readText(detachedLog).includes('internet made') ? true : undefined))
  command.kill('SIGINT')
  assert.equal((await command.ended()).code, 130)
  assert.deepEqual(home.remains(), [])
})

test('up --detach returns when the cluster stands; status, kubeconfig and down tell of it', async () => {
  await using home = new TestHome()
  const name = home.name()
  const up = await home.run(
    'up',
    '--name',
    name,
    '--nodes',
    '2',
    '--api-port',
    '0',
    '--no-demo',
    '--no-dns',
    '--detach',
  )
  assert.equal(up.code, 0, up.stderr)
  assert.match(up.stderr, new RegExp(`runs in the background; end it with: fairlead down --name ${name}`))
  const { kubeconfig } = home.layout(name)
  assert.equal(up.stdout, `export KUBECONFIG=${kubeconfig}\n`)

  assert.equal(await home.show('kubeconfig', '--name', name), readFileSync(kubeconfig, 'utf8'))
  const { server } = await loadKubeconfig(kubeconfig)
  const text = await home.show('status', '--name', name)
  assert.ok(text.startsWith(`Cluster ${name}: running, API ${server}\n`), text)
  assert.match(text, /^node-1 +Ready +0$/m)
  const [status] = JSON.parse(await home.show('status', '-o', 'json'))
  assert.deepEqual(
    status.nodes.map((node: { name: string; ready: boolean }) => [node.name, node.ready]),
    [
      ['node-1', true],
      ['node-2', true],
    ],
  )
  assert.deepEqual(status.processes.map((process: { name: string }) => process.name).sort(), [
    'control-plane',
    'node-1',
    'node-2',
    'supervisor',
  ])

  const down = await home.run('down', '--name', name)
  assert.equal(down.code, 0)
  assert.match(down.stderr, new RegExp(`cluster ${name} is gone`))
  assert.deepEqual(home.remains(), [])
})

test('without a cluster, status and kubeconfig say so', async () => {
  await using home = new TestHome()
  const name = home.name()
  const status = await home.run('status')
  assert.deepEqual([status.code, status.stdout], [1, ''])
  assert.match(status.stderr, /There is no cluster; start one with: fairlead up/)
  assert.equal((await home.run('status', '--name', name)).code, 1)
  const kubeconfig = await home.run('kubeconfig', '--name', name)
  assert.deepEqual([kubeconfig.code, kubeconfig.stdout], [3, ''])
  assert.match(kubeconfig.stderr, new RegExp(`There is no cluster ${name}. Start it with: fairlead up --name ${name}`))
  const down = await home.run('down', '--name', name)
  assert.deepEqual([down.code, down.stdout], [0, ''])
  assert.match(down.stderr, new RegExp(`There is no cluster ${name}`))
})

for (const nodes of ['1', '5']) {
  test(`up --check passes on ${nodes} node${nodes === '1' ? '' : 's'}`, async () => {
    await using home = new TestHome()
    const { code, stdout, stderr } = await home.run(
      ...['up', '--check', '--name', home.name(), '--api-port', '0', '--nodes', nodes],
    )
    assert.equal(code, 0, stdout + stderr)
    assert.match(stderr, /(\d+) of \1 checks passed/)
    assert.match(stdout, new RegExp(`^node-${nodes} +ClusterIP web/TCP .* ok$`, 'm'))
    assert.deepEqual(home.remains(), [])
  })
}

/** What a file has now; nothing when it is not there yet. */
function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
