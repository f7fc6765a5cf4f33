import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killProcess, type ProcessIdentity, processesInNetns } from '../../src/linux/process.ts'
import { applyEcho } from './echo-workload.ts'
import { hostDifferences, hostSnapshot } from './host-snapshot.ts'
import { type TestCluster, TestHome } from './test-cluster.ts'

test('up and down leave nothing, and the host network as it was all the time', async () => {
  await using home = new TestHome()
  const before = hostSnapshot()
  const cluster = await home.up({ args: [] })
  assert.deepEqual(hostDifferences(before, hostSnapshot()), [], 'while it runs')
  assert.notDeepEqual(home.remains(), [], 'the search finds nothing of a cluster that runs')
  const stderr = await down(cluster)
  assert.match(stderr, /cluster \S+ is gone/)
  assert.deepEqual(home.remains(), [])
  assert.deepEqual(hostDifferences(before, hostSnapshot()), [])
  assert.equal((await cluster.command.ended()).code, 0)
})

test('down cleans up after everything was killed, and can be repeated', async () => {
  await using home = new TestHome()
  const before = hostSnapshot()
  const cluster = await home.up()
  await applyEcho(cluster.client, 'echo', 4)
  await cluster.killAll()
  const pods = podsLeft(cluster)
  assert.ok(pods.length >= 4, 'the pods have ended with the agents')
  assert.match(await down(cluster), /is gone/)
  assert.deepEqual(home.remains(), [])
  assert.deepEqual(hostDifferences(before, hostSnapshot()), [])
  assert.match(await down(cluster), /There is no cluster/)
})

test('up cleans up after everything was killed, and down after that', async () => {
  await using home = new TestHome()
  const before = hostSnapshot()
  const first = await home.up()
  await applyEcho(first.client, 'echo', 4)
  await first.killAll()
  const pods = podsLeft(first)
  const second = await home.up()
  assert.match(second.command.stderr, /removed what a crashed cluster of this name had left/)
  assert.deepEqual(
    pods.filter((pod) => killProcess(pod, 'SIGCONT')),
    [],
    'pods of the crashed cluster live on',
  )
  await applyEcho(second.client, 'echo', 2)
  await down(second)
  assert.deepEqual(home.remains(), [])
  assert.deepEqual(hostDifferences(before, hostSnapshot()), [])
})

const moments = {
  'at once': /^/,
  'when it had made the network': /internet made/,
  'when the API answered': /API server answers/,
  'when the first node was ready': /node-\d is ready/,
} as const

for (const [moment, printed] of Object.entries(moments)) {
  test(`down cleans up after up was killed ${moment}`, async () => {
    await using home = new TestHome()
    const name = home.name()
    const command = home.start('up', '--name', name, '--api-port', '0')
    await command.printed(printed)
    command.kill('SIGKILL')
    assert.equal((await command.ended()).signal, 'SIGKILL')
    await home.show('down', '--name', name)
    assert.deepEqual(home.remains(), [])
  })
}

test('a part that was started but lost its supervisor before it knew what to do ends by itself', async () => {
  await using home = new TestHome()
  for (const program of ['control-plane', 'agent']) {
    const part = home.startPart(program)
    part.disconnect()
    assert.equal((await part.ended()).code, 0)
  }
})

test('clusters whose names begin alike run side by side, and down takes the right one', async () => {
  await using home = new TestHome()
  const suffixes = ['', '-node-1', '-pod'] as const
  const clusters = await Promise.all(suffixes.map((suffix) => home.up({ suffix, nodes: 1 })))
  await Promise.all(clusters.map(({ client }) => applyEcho(client, 'echo', 1)))
  const [ended, crashed, running] = clusters
  assert.ok(ended !== undefined && crashed !== undefined && running !== undefined)
  await crashed.killAll()
  const [members, pods] = [[...running.members()], podsLeft(crashed)]
  await down(ended)
  assert.deepEqual(ended.remains([crashed.name, running.name]), [])
  assert.deepEqual([...running.members()], members)
  await applyEcho(running.client, 'again', 1)
  assert.deepEqual(podsLeft(crashed), pods)
  assert.equal(pods.length, 1)
  const { code, stdout } = await home.run('status', '-o', 'json')
  const status = JSON.parse(stdout) as { name: string; running: boolean }[]
  assert.deepEqual(
    new Map(status.map((cluster) => [cluster.name, cluster.running])),
    new Map([
      [crashed.name, false],
      [running.name, true],
    ]),
  )
  assert.equal(code, 1)
})

async function down(cluster: TestCluster): Promise<string> {
  const { code, stderr } = await cluster.home.run('down', '--name', cluster.name)
  assert.equal(code, 0, stderr)
  return stderr
}

/** Processes in the namespaces of pods. */
function podsLeft(cluster: TestCluster): ProcessIdentity[] {
  return cluster.podNamespaces().flatMap((netns) => processesInNetns(netns))
}
