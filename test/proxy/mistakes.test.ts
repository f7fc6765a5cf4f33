import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { nodes } from '../../src/kube/resource.ts'
import { nodeNamed, openProxyBench, type ProxyBench } from './proxy-bench.ts'

describe('mistakes around fairlead proxy', () => {
  let on: ProxyBench
  before(async () => {
    on = await openProxyBench()
  })
  after(() => on?.[Symbol.asyncDispose]())

  const refused = async (args: readonly string[], code: number, pattern: RegExp, options: { as?: number } = {}) => {
    const outcome = await on.command(['proxy', ...args], options).ended()
    assert.equal(outcome.code, code, outcome.stderr)
    assert.match(outcome.stderr, pattern)
    assert.doesNotMatch(outcome.stderr, /\n {4}at /, 'no stack trace')
    assert.equal(on.nft('list', 'ruleset'), '', 'nothing was begun')
  }

  test('are one sentence and an exit code', async () => {
    const kubeconfig = await on.kubeconfig()
    const empty = on.write('empty', { text: '{}' })
    const configuration = on.write('config.yaml', { text: 'kind: KubeProxyConfiguration\nmode: userspace\n' })
    const bad = on.write('bad.yaml', {
      text: 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: userspace\n',
    })
    await Promise.all([
      refused(['--proxy-mode', 'iptables'], 2, /mode: invalid value "iptables": must be nftables or ipvs/),
      refused(['--iptables-sync-period', '1s'], 2, /unknown option '--iptables-sync-period'/),
      refused(['--conntrack-min', 'many'], 2, /Give a whole number/),
      refused(['--kubeconfig', '/nowhere'], 1, /Cannot read the kubeconfig \/nowhere/),
      refused(['--kubeconfig', empty], 2, /it has no current-context/),
      refused(['--config', configuration], 2, /it is no apiVersion, KubeProxyConfiguration; wanted:/),
      refused(['--config', bad], 2, /mode: invalid value "userspace"/),
      refused(['--config', '/nowhere'], 2, /Cannot read the configuration \/nowhere/),
      refused(['--master', 'http://127.0.0.1:1'], 2, /"http:\/\/127\.0\.0\.1:1"/),
      refused([], 2, /Cannot use the service account of a pod.*Outside of a pod, give --kubeconfig/s),
      refused(
        ['--kubeconfig', kubeconfig, '--bind-address-hard-fail', '--metrics-bind-address', '203.0.113.1:1'],
        3,
        /203\.0\.113\.1/,
      ),
    ])
  })

  test('an API server that does not answer is asked again, and named', async () => {
    const path = await on.kubeconfig()
    const lost = on.proxy('--kubeconfig', path, '--master', 'https://127.0.0.1:1', '--hostname-override', 'x')
    await lost.printed(/"resource":"services".*127\.0\.0\.1:1.*trying again/)
    await lost.printed(/(trying again.*){4}/s)
    lost.kill('SIGTERM')
    assert.equal((await lost.ended()).code, 0)
  })

  test('a user without rights is told so by the server, and asks again', async () => {
    const stranger = on.proxy('--kubeconfig', await on.kubeconfig('stranger'), '--hostname-override', 'x')
    await stranger.printed(/services is forbidden: User \\"stranger\\" cannot list resource/)
    stranger.kill('SIGTERM')
    assert.equal((await stranger.ended()).code, 0)
  })

  test('an ordinary user is told to be root', async () => {
    await refused(['--cleanup'], 3, /Cannot program Services as an ordinary user.*CAP_NET_ADMIN/s, { as: 65534 })
  })

  test("a table of its name that is somebody else's ends it and stays", async () => {
    on.nft('add', 'table', 'ip', 'fairlead')
    await on.client.create(nodes, nodeNamed('machine-1'))
    const outcome = await on.proxy('--kubeconfig', await on.kubeconfig(), '--hostname-override', 'machine-1').ended()
    assert.equal(outcome.code, 3)
    assert.match(outcome.stderr, /belongs to somebody else/)
    assert.match((await on.proxy('--cleanup').ended()).stderr, /there was nothing to remove/)
    assert.equal(on.nft('list', 'tables').trim(), 'table ip fairlead')
  })
})
