/** `fairlead trace` and `whatif` as people run them, against a real cluster of each network. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { listNetns, netnsPath } from '../../src/linux/netns.ts'
import { NftSocket } from '../../src/linux/nftables/socket.ts'
import { TestHome } from '../cluster/test-cluster.ts'

interface Told {
  readonly verdict: string
  readonly confirmation: { readonly sent: boolean; readonly agrees: boolean; readonly differences: readonly string[] }
  readonly cause?: { readonly code: string; readonly field?: string }
}

/** Who asks whom, the exit code, and the cause. */
const QUESTIONS: readonly (readonly [from: string, to: string, code: number, cause?: string])[] = [
  ['client', 'svc/web:80', 0],
  ['client', 'http://web.default/', 0],
  ['client', 'web:9000/udp', 0],
  ['client', 'svc/db', 0],
  ['client', 'https://kubernetes.default/', 0],
  ['node-2', 'svc/web:80', 0],
  ['node-1', '192.168.0.11:30080', 0],
  ['internet', 'svc/web-nodeport', 0],
  ['internet', 'svc/web-lb', 0],
  ['client', 'svc/web:81', 1, 'port-missing'],
  ['client', '10.96.77.77:80', 1, 'cluster-ip-of-nobody'],
  ['client', 'http://webb/', 1, 'name-unknown'],
  ['internet', 'svc/web:80', 1, 'inside-address-from-internet'],
]

for (const network of ['flannel', 'terway-eniip']) {
  describe(`on ${network}`, () => {
    test('prediction and kernel agree, exit codes and causes are told, and nothing stays', async () => {
      await using home = new TestHome()
      const cluster = await home.up({ args: ['--network', network] })
      await cluster.command.printed(/LoadBalancer web-lb/)
      for (const [from, to, code, cause] of QUESTIONS) {
        const outcome = await home.run('trace', '--name', cluster.name, '-o', 'json', from, to)
        const told = JSON.parse(outcome.stdout) as Told
        const question = `${from} -> ${to}: ${outcome.stdout}`
        assert.deepEqual([outcome.code, told.cause?.code], [code, cause], question)
        if (told.confirmation.sent) assert.deepEqual(told.confirmation.differences, [], question)
        if (to === 'svc/web-lb') assert.match(outcome.stdout, /"loadBalancer": "lb-/, 'as the cloud has it')
      }
      const spaces = listNetns(`fl-${cluster.name}-`).map(netnsPath)
      for (const netns of spaces) {
        using rules = NftSocket.open(netns)
        assert.deepEqual(
          rules.tables('inet').filter(({ table }) => table.startsWith('fairlead-trace')),
          [],
        )
      }
      const told = await home.show('whatif', '--name', cluster.name, 'svc/web-nodeport', 'type=ClusterIP')
      assert.match(told, /loses access:\n.*NodePort/)
      // Three nodes are the servers of one network, two pods those of the other.
      const [other, units] =
        network === 'flannel'
          ? (['terway-eniip', /quota units\): 3 -> 2/] as const)
          : (['flannel', /quota units\): 2 -> 3/] as const)
      assert.match(await home.show('whatif', '--name', cluster.name, 'svc/web-lb', `network=${other}`), units)
      const foreign = await home.run('trace', '--kubeconfig', cluster.layout.kubeconfig, 'client', 'svc/web:80')
      assert.equal(foreign.code, 0)
      assert.match(foreign.stderr, /Predicted, not confirmed: the cluster is not on this machine/)
      const unreachable = join(cluster.layout.stateDirectory, 'unreachable')
      const config = readFileSync(cluster.layout.kubeconfig, 'utf8').replace(cluster.server, 'https://127.0.0.1:1')
      writeFileSync(unreachable, config)
      await wrong(home, cluster.name, unreachable)
      cluster.command.kill('SIGINT')
      await cluster.command.ended()
    })
  })
}

async function wrong(home: TestHome, name: string, unreachable: string): Promise<void> {
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['trace', '--name', name, 'clint', 'svc/web'], 2, /Perhaps default\/client is meant/],
    [['trace', '--name', name, 'client', 'svc/wbe'], 2, /Perhaps svc\/default\/web is meant/],
    [['trace', '--name', 'nobody', 'client', 'svc/web'], 3, /There is no cluster nobody/],
    [['trace', '--kubeconfig', '/nonexistent', 'client', 'svc/web'], 2, /Cannot read the kubeconfig .* Give the path/],
    [['trace', '--kubeconfig', unreachable, 'client', 'svc/web'], 3, /127\.0\.0\.1:1.* See whether it runs: kubectl/],
    [['whatif', '--kubeconfig', unreachable, 'svc/web', 'type=NodePort'], 3, /See whether it runs: kubectl/],
    [['whatif', '--name', 'nobody', 'svc/web', 'type=NodePort'], 3, /There is no cluster nobody/],
    [['whatif', '--name', name, 'svc/wbe', 'type=NodePort'], 2, /Perhaps svc\/default\/web is meant/],
    [['trace', '--name', name, 'client', '10.96.300.1:80'], 2, /is no address/],
    [['whatif', '--name', name, 'svc/web', 'typ=NodePort'], 2, /Perhaps type is meant/],
  ]
  for (const [args, code, says] of cases) {
    const outcome = await home.run(...args)
    assert.equal(outcome.code, code, `${args.join(' ')}: ${outcome.stderr}`)
    assert.match(outcome.stderr, says)
    assert.equal(outcome.stdout, '')
  }
}
