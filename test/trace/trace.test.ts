/** `fairlead trace` and `whatif` as people run them, against a real cluster of each network. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { annotationKey } from '../../src/ccm/annotations/read-annotation.ts'
import { NLB_CLASS } from '../../src/ccm/names.ts'
import { CloudState } from '../../src/cloud/state/cloud-state.ts'
import { VSWITCHES } from '../../src/cloud/vpc/model.ts'
import { cloudDirectories } from '../../src/cluster/layout.ts'
import { services } from '../../src/kube/resource.ts'
import type { ServiceSpec } from '../../src/kube/types/core.ts'
import { listNetns, netnsPath } from '../../src/linux/netns.ts'
import { NftSocket } from '../../src/linux/nftables/socket.ts'
import { poll } from '../cluster/poll.ts'
import { type TestCluster, TestHome } from '../cluster/test-cluster.ts'

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
      await atBalancers(home, cluster, network)
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
      assert.match(foreign.stderr, /Not known: who listens is not known: pod default\/web-/)
      const elsewhere = ['--kubeconfig', cluster.layout.kubeconfig, 'svc/web-lb', 'type=ClusterIP']
      assert.match(await home.show('whatif', ...elsewhere), /note: nothing is known of the cloud/)
      const unreachable = join(cluster.layout.stateDirectory, 'unreachable')
      const config = readFileSync(cluster.layout.kubeconfig, 'utf8').replace(cluster.server, 'https://127.0.0.1:1')
      writeFileSync(unreachable, config)
      await wrong(home, cluster.name, unreachable)
      cluster.command.kill('SIGINT')
      await cluster.command.ended()
    })
  })
}

const ONLY_STRANGERS = ['10.99.0.0/16']

interface Balancer {
  /** By suffix; vSwitches where there is no value. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: Partial<ServiceSpec>
  /** As the trace ends, and what it tells; the kernel agrees always. */
  readonly code: 0 | 1
  readonly says: RegExp
  /** Whom to ask, when not the Service; the host is the address or name of its load balancer. */
  readonly to?: (host: string) => string
}

/** Load balancers of every kind, asked from the internet. */
const BALANCERS: Readonly<Record<string, Balancer>> = {
  ranged: {
    spec: { loadBalancerSourceRanges: ONLY_STRANGERS },
    code: 1,
    says: /"code": "access-list".*"field": "spec\.loadBalancerSourceRanges"/s,
  },
  http: {
    annotations: { 'loadbalancer-protocol-port': 'http:80' },
    code: 0,
    says: /"carrier": "haproxy".*"X-Forwarded-For: 198\.51\.100\.2"/s,
  },
  nlb: {
    annotations: { 'loadbalancer-zone-maps': '' },
    spec: { loadBalancerClass: NLB_CLASS },
    code: 0,
    says: /"nlb-\w+"/,
  },
  'nlb-ranged': {
    annotations: { 'loadbalancer-zone-maps': '' },
    spec: { loadBalancerClass: NLB_CLASS, loadBalancerSourceRanges: ONLY_STRANGERS },
    code: 1,
    says: /"code": "security-group".*"field": "spec\.loadBalancerSourceRanges"/s,
  },
}

/** Servers at any port are pods, which only Terway attaches. */
const MANY_PORTS: Balancer = {
  annotations: {
    'loadbalancer-zone-maps': '',
    'backend-type': 'eni',
    'loadbalancer-listener-port-range': '8000-8100:80',
  },
  spec: { loadBalancerClass: NLB_CLASS },
  to: (host) => `http://${host}:8080/`,
  code: 0,
  says: /"listener": "[^"]+:8000-8100\/tcp"/,
}

async function atBalancers(home: TestHome, cluster: TestCluster, network: string): Promise<void> {
  const all = network === 'flannel' ? BALANCERS : { ...BALANCERS, 'nlb-ports': MANY_PORTS }
  const zones = await zoneMaps(cluster)
  for (const [name, { annotations = {}, spec = {} }] of Object.entries(all)) {
    const written = Object.entries(annotations).map(([suffix, value]) => [annotationKey(suffix), value || zones])
    await cluster.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default', annotations: Object.fromEntries(written) },
      spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
    })
  }
  for (const [name, balancer] of Object.entries(all)) await atBalancer(home, cluster, { name, ...balancer })
}

/** The load balancer is bought, filled and carried one after the other: it is asked until it is as it should be. */
async function atBalancer(
  home: TestHome,
  cluster: TestCluster,
  { name, code, says, to }: Balancer & { readonly name: string },
): Promise<void> {
  const host = await poll(`load balancer of ${name}`, async () => {
    const { status } = await cluster.client.get(services, { namespace: 'default', name })
    const [ingress] = status?.loadBalancer?.ingress ?? []
    return ingress?.hostname ?? ingress?.ip
  })
  let last = ''
  const isSo = async () => {
    const question = ['internet', to?.(host) ?? `svc/${name}`]
    const outcome = await home.run('trace', '--name', cluster.name, '-o', 'json', ...question)
    last = `${outcome.code}: ${outcome.stdout}${outcome.stderr}`
    const told = outcome.code === code && says.test(outcome.stdout) ? (JSON.parse(outcome.stdout) as Told) : undefined
    return told?.confirmation.agrees === true ? told : undefined
  }
  await poll(`trace to ${name}`, isSo).catch((error: Error) => assert.fail(`${error.message}: ${last}`))
}

/** `zone-a:vsw-…,zone-b:vsw-…`: where Network Load Balancers of the cluster may be. */
async function zoneMaps({ layout }: TestCluster): Promise<string> {
  await using state = CloudState.open({ directory: cloudDirectories(layout).state, readOnly: true })
  // Of each zone one vSwitch: pods may have others there.
  const byZone = new Map(state.list(VSWITCHES).map(({ zoneId, id }) => [zoneId, id]))
  const places = [...byZone].map(([zone, id]) => `${zone}:${id}`)
  return places.sort().slice(0, 2).join(',')
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
