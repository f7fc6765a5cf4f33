/** `fairlead matrix` as people run it. What it measures is held to in matrix.test.ts. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findHaproxy } from '../../src/cloud/load-balancer/layer7/find-haproxy.ts'
import { listNetns } from '../../src/linux/netns.ts'
import type { MatrixDocument } from '../../src/matrix/report/matrix-document.ts'
import { findRunc } from '../../src/node/runtime/runc-command.ts'
import { builtPrograms } from '../cluster/built-programs.ts'
import { applyEcho } from '../cluster/echo-workload.ts'
import { type Outcome, RunningCommand } from '../cluster/running-command.ts'
import { TestHome } from '../cluster/test-cluster.ts'

const ONE = ['matrix', '--network', 'flannel', '--proxy-mode', 'ipvs'] as const

/** The command with a directory for temporary files that is the test's own. */
function start(home: TestHome, args: readonly string[], before: readonly string[] = []): RunningCommand {
  const env = { ...home.environment, TMPDIR: home.directory }
  const words = [...before, process.execPath, join(builtPrograms(), 'fairlead.js'), ...args]
  return new RunningCommand('env', words, { env })
}

/** Runs what follows where a program of the machine cannot be run. */
function without(program: string): string[] {
  // A device has no permission to be executed.
  return ['unshare', '--mount', 'sh', '-c', `mount --bind /dev/null ${program}; exec "$@"`, 'sh']
}

/** To its end; each stage has the time that a command has. */
async function measuredBy(command: RunningCommand): Promise<Outcome> {
  for (const stage of [/nodes runs/, /pods answer/, /cells measured/]) await command.printed(stage)
  return command.ended()
}

function homesIn(home: TestHome): string[] {
  return readdirSync(home.directory).filter((name) => name.startsWith('fl-matrix-'))
}

function namespacesOf({ pid }: RunningCommand): string[] {
  return listNetns(`fl-matrix-${pid}-`)
}

test('one setting is measured and told as JSON; nothing stays', async () => {
  await using home = new TestHome()
  const command = start(home, [...ONE, '-o', 'json'])
  const { code, stdout, stderr } = await measuredBy(command)
  assert.equal(code, 0, `${stdout}${stderr}`)
  const { kind, summary, cells } = JSON.parse(stdout) as MatrixDocument
  assert.equal(kind, 'Matrix')
  assert.equal(summary['as documented'] + summary['as upstream'], cells.length)
  for (const { id, outcome } of cells) {
    assert.ok(outcome.kind === 'measured' && outcome.measurement.evidence.length > 0, id)
  }
  assert.deepEqual([homesIn(home), namespacesOf(command)], [[], []])
})

test('Ctrl-C removes its cluster, and that of a run that was killed; clusters of others go on', async () => {
  await using home = new TestHome()
  const other = await home.up({ nodes: 1 })
  const killed = start(home, ONE)
  await killed.printed(/cluster of 3 nodes runs/)
  killed.kill('SIGKILL')
  await killed.ended()
  assert.ok(namespacesOf(killed).length > 0)
  const command = start(home, ONE)
  await command.printed(/cluster of 3 nodes runs/)
  assert.deepEqual(namespacesOf(killed), [])
  command.kill('SIGINT')
  const { code, stdout, stderr } = await command.ended()
  assert.equal(code, 130, stderr)
  assert.equal(stdout, '')
  assert.deepEqual([homesIn(home), namespacesOf(command)], [[], []])
  await applyEcho(other.client, 'echo', 1)
})

test('wrong words are refused with those that there are', async () => {
  await using home = new TestHome()
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--network', 'calico'], /'calico' is invalid\. Allowed choices are flannel, terway-eniip, both/],
    [['--proxy-mode', 'iptables'], /'iptables' is invalid\. Allowed choices are nftables, ipvs, both/],
    [['-o', 'xml'], /'xml' is invalid\. Allowed choices are table, json, md, junit/],
    [['--netwrk', 'both'], /Did you mean --network\?/],
  ]
  for (const [words, says] of cases) {
    const { code, stdout, stderr } = await home.run('matrix', ...words)
    assert.equal(code, 2, stderr)
    assert.match(stderr, says)
    assert.equal(stdout, '')
  }
})

test('a place that cannot hold a cluster is told at once', async () => {
  const cases = [
    [`/tmp/${'x'.repeat(40)}`, /names of sockets would be too long\. Set TMPDIR to a short path such as \/tmp/],
    ['/nonexistent', /Cannot keep clusters in \/nonexistent: there is no such directory\./],
  ] as const
  for (const [TMPDIR, says] of cases) {
    const env = { ...process.env, TMPDIR }
    const command = new RunningCommand(process.execPath, [join(builtPrograms(), 'fairlead.js'), ...ONE], { env })
    const { code, stderr } = await command.ended()
    assert.equal(code, 2, stderr)
    assert.match(stderr, says)
  }
})

test('what cannot be measured is told with the reason, and the exit code is 1', async () => {
  await using home = new TestHome()
  const { code, stdout, stderr } = await measuredBy(start(home, [...ONE, '-o', 'json'], without(findHaproxy())))
  assert.equal(code, 1, stderr)
  const { cells } = JSON.parse(stdout) as MatrixDocument
  const wrong = cells.filter(({ verdict }) => verdict !== 'as documented' && verdict !== 'as upstream')
  const why = 'Cannot carry layer-7 listeners: there is no haproxy in PATH'
  assert.deepEqual(
    wrong.map(({ id, verdict, outcome }) => [id, verdict, outcome]),
    ['LoadBalancer/layer 7, HTTP', 'LoadBalancer/layer 7, HTTPS'].map((id) => {
      return [id, 'not measured', { kind: 'failed', why }]
    }),
  )
  assert.match(stderr, /0 differ, 2 not measured/)
})

test('a machine that cannot run it says so in one sentence', async () => {
  await using home = new TestHome()
  const { code, stdout, stderr } = await start(home, ONE, without(findRunc('').path)).ended()
  assert.equal(code, 3, stderr)
  assert.match(stderr, /^error: Cannot run containers: there is no runc in PATH\. .*apt-get install runc/)
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  assert.equal(stdout, '')
  assert.deepEqual(homesIn(home), [])
})
