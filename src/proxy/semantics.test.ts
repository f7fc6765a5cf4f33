import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { NftSocket } from '../linux/nftables/socket.ts'
import type { NodeView } from './node-view.ts'
import { Program, type ServiceObjects } from './program.ts'
import { ADDRESSES, type Place, POD_CIDRS, TestNetwork } from './test-network.ts'
import { aService, aSlice, type EndpointWords, gone, type ServiceWords, together } from './test-objects.ts'

const NODE: NodeView = {
  name: 'n1',
  addresses: [ADDRESSES.node.ip, ADDRESSES.node.ip6],
  podCidrs: POD_CIDRS,
  zone: 'z1',
}

for (const family of ['ip', 'ip6'] as const) {
  describe(`what a Service may ask for, through ${family === 'ip' ? 'IPv4' : 'IPv6'}`, () => {
    const at = (place: Place) => ADDRESSES[place][family]
    const of = (ip: string, ip6: string) => (family === 'ip' ? ip : ip6)
    const vip = of('10.96.0.10', 'fd00:10:96::10')
    const balancer = of('203.0.113.7', '2001:db8:1::7')
    const ports = [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }] as const
    let network: TestNetwork
    let kernel: NftSocket
    let program: Program

    before(async () => {
      network = new TestNetwork()
      await Promise.all([network.serve('a'), network.serve('b')])
      kernel = NftSocket.open(network.path('node'))
      program = new Program({ kernel, nodeName: 'n1' })
      program.start(NODE, [])
    })
    after(async () => {
      kernel[Symbol.dispose]()
      await network[Symbol.asyncDispose]()
    })

    const set = (...all: ServiceObjects[]) => {
      for (const objects of all) program.setService(objects)
      program.commit()
    }
    const endpoint = (place: Place, words: Partial<EndpointWords> = {}) => ({ ip: at(place), node: 'n1', ...words })
    const web = (words: ServiceWords, ...endpoints: EndpointWords[]) =>
      together(aService('web', { clusterIP: vip, ports, ...words }), aSlice('web', endpoints))
    const both = [endpoint('a'), endpoint('b', { node: 'n2' })] as const
    const askAll = async (times: number, place: Place = 'c', host = vip, port = 80) => {
      const tally: Record<string, number> = {}
      for (let i = 0; i < times; i += 1) {
        const { from } = await network.ask(place, host, port)
        tally[from] = (tally[from] ?? 0) + 1
      }
      return tally
    }

    describe('session affinity', () => {
      const sticky = (seconds: number): ServiceWords => ({
        type: 'NodePort',
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } },
      })

      test('a client stays with its endpoint, by whatever address it comes; another client has its own', async () => {
        set(web(sticky(600), ...both))
        const { from, seen } = await network.ask('c', vip, 80)
        assert.equal(seen, at('c'))
        assert.deepEqual(await askAll(6), { [from]: 6 })
        assert.deepEqual(await askAll(3, 'c', at('node'), 30080), { [from]: 3 })
        const other = await network.ask('outside', at('node'), 30080)
        assert.notEqual(other.from, from, 'new clients are served in turn')
        assert.deepEqual(await askAll(3, 'outside', at('node'), 30080), { [other.from]: 3 })
      })

      test('a restart of the proxy does not part them', async () => {
        set(web(sticky(600), ...both))
        const { from } = await network.ask('c', vip, 80)
        const restarted = new Program({ kernel, nodeName: 'n1' })
        const { changes } = restarted.start(NODE, [web(sticky(600), ...both)])
        assert.equal(changes, 0)
        program = restarted
        assert.deepEqual(await askAll(6), { [from]: 6 })
      })

      test('switched off it ends, switched on again it begins anew', async () => {
        set(web({ type: 'NodePort' }, ...both))
        assert.deepEqual(await askAll(4), { a: 2, b: 2 })
        assert.ok(program.forgetDeadBindings(program.takeOrphans()))
        set(web(sticky(600), ...both))
        const [first] = Object.keys(await askAll(1))
        assert.deepEqual(await askAll(4), { [first ?? '']: 4 })
      })

      test('an endpoint that leaves loses its clients at once, and does not get them back', async () => {
        set(web(sticky(600), ...both))
        const { from } = await network.ask('c', vip, 80)
        const rest = both.filter(({ ip }) => ip !== at(from as Place))
        const other = from === 'a' ? 'b' : 'a'
        set(web(sticky(600), ...rest))
        assert.deepEqual(await askAll(3), { [other]: 3 })
        set(web(sticky(600), ...both))
        assert.deepEqual(await askAll(3), { [other]: 3 })
      })

      test('bindings to endpoints that left are deleted, the others stay', async () => {
        set(web(sticky(600), endpoint('a')))
        await network.ask('c', vip, 80)
        set(web(sticky(600), endpoint('b')))
        const table = program.tables.find((one) => one.family === family)
        const bindings = () => kernel.elements(table?.layout.affinity ?? { family, table: '', name: '' })
        await network.ask('outside', at('node'), 30080)
        const clients = bindings().length
        assert.ok(program.forgetDeadBindings(program.takeOrphans()))
        assert.equal(bindings().length, clients - 1)
        assert.deepEqual(program.takeOrphans(), [])
      })

      test('nft shows clients, and the rules that bind them', async () => {
        set(web(sticky(600), ...both))
        await network.ask('c', vip, 80)
        const listed = network.nft('list', 'table', family, 'fairlead')
        assert.match(listed, /chain rr-2-16-sticky-600 \{/)
        assert.match(listed, /update @affinity \{ ip6? saddr \. meta priority & f:ffff timeout 10m : meta priority \}/)
        assert.ok(listed.includes(`${at('c')} . 0x`), listed)
      })

      test('it ends when the client was away for as long as it says', async () => {
        set(web(sticky(1), ...both))
        const { from } = await network.ask('c', vip, 80)
        await new Promise((resolve) => setTimeout(resolve, 1600))
        assert.notEqual((await network.ask('c', vip, 80)).from, from, 'the next in turn')
      })
    })

    test('weights: three times as many', async () => {
      const annotations = { 'fairlead.dev/weights': 'v1-*=3' }
      set(web({ annotations }, endpoint('a', { pod: 'v1-x' }), endpoint('b', { pod: 'v2-x' })))
      assert.deepEqual(await askAll(8), { a: 6, b: 2 })
      set(web({ annotations: { 'fairlead.dev/weights': 'v1-*=0' } }, endpoint('a', { pod: 'v1-x' }), endpoint('b')))
      assert.deepEqual(await askAll(4), { b: 4 })
    })

    test('chance and hashes reach everybody, and nobody else', async () => {
      for (const way of ['random', 'maglev']) {
        set(web({ annotations: { 'fairlead.dev/load-balancing': way } }, ...both))
        const tally = await askAll(40)
        assert.deepEqual(Object.keys(tally).sort(), ['a', 'b'], way)
      }
    })

    test('loadBalancerSourceRanges let in whom they say, NodePorts and ClusterIPs are open', async () => {
      const allow = (...loadBalancerSourceRanges: string[]) =>
        set(web({ type: 'LoadBalancer', ingress: [balancer], loadBalancerSourceRanges }, ...both))
      const fates = async () => [
        await network.fate('outside', balancer, 80),
        await network.fate('c', balancer, 80),
        await network.fate('node', balancer, 80),
      ]
      const reached = (all: string[]) => all.map((fate) => (fate === 'a' || fate === 'b' ? 'yes' : fate))
      allow()
      assert.deepEqual(reached(await fates()), ['yes', 'yes', 'yes'])
      allow(of('198.51.100.0/24', '2001:db8:2::/64'), of('192.0.2.0/24', '2001:db8:9::/64'))
      assert.deepEqual(reached(await fates()), ['yes', 'dropped', 'dropped'])
      allow(of('10.244.0.0/16', 'fd00:10:244::/48'), of('192.168.0.0/16', 'fd00:192::/64'))
      assert.deepEqual(reached(await fates()), ['dropped', 'yes', 'yes'])
      assert.deepEqual(reached([await network.fate('outside', at('node'), 30080), await network.fate('c', vip, 80)]), [
        'yes',
        'yes',
      ])
      // Ranges of the other family only: upstream has no firewall in this one then.
      allow(of('2001:db8::/32', '198.51.100.0/24'))
      assert.equal(reached([await network.fate('outside', balancer, 80)])[0], 'yes')
    })

    test('a load balancer in front of the node (ipMode Proxy) is not the node', async () => {
      const { service, ...rest } = web({ type: 'LoadBalancer' }, ...both)
      const ingress = [{ ip: balancer, ipMode: 'Proxy' as const }]
      assert.ok(service)
      set({ ...rest, service: { ...service, status: { loadBalancer: { ingress } } } })
      // The address leaves towards the outside, where nobody has it.
      await assert.rejects(network.connect('c', balancer, 80, 500))
    })

    test('policy Local from inside: upstream goes everywhere, IPVS stays on the node and refuses', async () => {
      const words: ServiceWords = { type: 'LoadBalancer', ingress: [balancer], externalTrafficPolicy: 'Local' }
      set(web(words, ...both))
      assert.deepEqual(await askAll(4, 'c', balancer), { a: 2, b: 2 })
      const remote = [endpoint('b', { node: 'n2' })] as const
      set(web(words, ...remote))
      assert.deepEqual(
        [await network.fate('c', balancer, 80), await network.fate('outside', balancer, 80)],
        ['b', 'dropped'],
      )
      program.setNode({ ...NODE, mode: 'ipvs' })
      try {
        set(web(words, ...both))
        assert.deepEqual(await askAll(4, 'c', balancer), { a: 4 })
        assert.equal((await network.ask('c', balancer, 80)).seen, at('c'))
        assert.equal((await network.ask('outside', balancer, 80)).seen, at('outside'))
        assert.equal((await network.ask('node', balancer, 80)).from, 'a')
        assert.equal(await network.fate('c', balancer, 81), 'refused', 'the address is bound: other ports too')
        set(web(words, ...remote))
        assert.deepEqual(
          [
            await network.fate('c', balancer, 80),
            await network.fate('node', balancer, 80),
            await network.fate('outside', balancer, 80),
          ],
          ['refused', 'refused', 'refused'],
        )
      } finally {
        program.setNode(NODE)
        set(web(words, ...both))
      }
    })

    test('masqueradeAll hides whoever asks a ClusterIP, and nobody who asks a NodePort with policy Local', async () => {
      const words: ServiceWords = { type: 'NodePort', externalTrafficPolicy: 'Local' }
      set(web(words, ...both))
      assert.equal((await network.ask('c', vip, 80)).seen, at('c'))
      program.setNode({ ...NODE, masqueradeAll: true })
      try {
        set(web(words, ...both))
        const [pod, outside] = [await network.ask('c', vip, 80), await network.ask('outside', at('node'), 30080)]
        assert.deepEqual([pod.seen, outside.seen], [at('node'), at('outside')])
      } finally {
        program.setNode(NODE)
        set(web(words, ...both))
      }
      assert.equal((await network.ask('c', vip, 80)).seen, at('c'))
    })

    for (const podInterfaces of [
      { name: 'to-c', isPrefix: false },
      { name: 'to-', isPrefix: true },
      { name: 'to-abcdefghijkl', isPrefix: false },
    ]) {
      const { name, isPrefix } = podInterfaces
      test(`pods are told by the interface ${name}${isPrefix ? '*' : ''} that they come in by`, async () => {
        const words: ServiceWords = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ingress: [balancer] }
        const remote = endpoint('b', { node: 'n2' })
        program.setNode({ ...NODE, podInterfaces })
        try {
          set(web(words, remote))
          // Pods are within, with all endpoints; to others it is as if nobody were there.
          const [isC, isOutside] = [name === 'to-c' || isPrefix, isPrefix]
          assert.equal(await network.fate('c', balancer, 80), isC ? 'b' : 'dropped')
          assert.equal(await network.fate('outside', balancer, 80), isOutside ? 'b' : 'dropped')
          assert.equal((await network.ask('c', vip, 80)).seen, isC ? at('c') : at('node'))
          assert.equal((await network.ask('outside', vip, 80)).seen, isOutside ? at('outside') : at('node'))
          program.setNode({ ...NODE, podInterfaces, masqueradeAll: true })
          set(web(words, remote))
          assert.equal((await network.ask('c', vip, 80)).seen, at('node'))
        } finally {
          program.setNode(NODE)
          set(web(words, ...both))
        }
      })
    }

    test('hints keep connections in the zone, or on the node', async () => {
      const zones = (a: string, b: string) =>
        [endpoint('a', { forZones: [a] }), endpoint('b', { forZones: [b] })] as const
      set(web({}, ...zones('z1', 'z2')))
      assert.deepEqual(await askAll(4), { a: 4 })
      program.setNode({ ...NODE, zone: 'z2' })
      set(web({}, ...zones('z1', 'z2')))
      assert.deepEqual(await askAll(4), { b: 4 })
      program.setNode(NODE)
      set(web({}, ...zones('z2', 'z2')))
      assert.deepEqual(await askAll(4), { a: 2, b: 2 }, 'nobody in this zone')
      set(web({}, endpoint('a', { forNodes: ['n1'] }), endpoint('b', { forNodes: ['n2'] })))
      assert.deepEqual(await askAll(4), { a: 4 })
    })

    test('a ClusterIP refuses ports that it does not have; one that nobody has is silent', async () => {
      program.setServiceCidrs(['10.96.0.0/16', 'fd00:10:96::/112'])
      set(web({}, ...both))
      const nobodys = of('10.96.0.99', 'fd00:10:96::99')
      const fates = await Promise.all([
        network.fate('c', vip, 81),
        network.fate('node', vip, 81),
        network.fate('outside', vip, 81),
        network.fate('c', nobodys, 80),
        network.fate('node', nobodys, 80),
      ])
      assert.deepEqual(fates, ['refused', 'refused', 'refused', 'dropped', 'dropped'])
      await assert.rejects(network.askUdp('c', vip, 81), /ECONNREFUSED/)
    })

    test('another proxy in the same kernel is not in the way', async () => {
      set(gone('web'))
      const other = of('10.96.0.77', 'fd00:10:96::77')
      program.setServiceCidrs(['10.96.0.0/16', 'fd00:10:96::/112'])
      network.nft('add', 'table', family, 'other')
      network.nft('add', 'chain', family, 'other', 'pre', '{ type nat hook prerouting priority -90; }')
      const target = family === 'ip' ? at('a') : `[${at('a')}]`
      network.nft(
        'add',
        'rule',
        family,
        'other',
        'pre',
        family,
        'daddr',
        other,
        'tcp',
        'dport',
        '80',
        'dnat',
        'to',
        `${target}:8080`,
      )
      assert.equal(await network.fate('c', other, 80), 'a')
      network.nft('delete', 'table', family, 'other')
      assert.equal(await network.fate('c', other, 80), 'dropped')
    })

    test('NodePorts answer on the addresses chosen, and never on localhost', async () => {
      const second = of('192.168.7.7', 'fd00:192:7::7')
      network.namespaces.run('node', `ip addr add ${second} dev lo`)
      set(web({ type: 'NodePort' }, ...both))
      const localhost = of('127.0.0.1', '::1')
      const fates = async () => {
        const [primary, other, loopback] = await Promise.all([
          network.fate('outside', at('node'), 30080),
          network.fate('outside', second, 30080),
          network.fate('node', localhost, 30080),
        ])
        return [primary, other, loopback].map((fate) => (fate === 'a' || fate === 'b' ? 'yes' : fate))
      }
      assert.deepEqual(await fates(), ['yes', 'refused', 'refused'])
      program.setNode({ ...NODE, nodePortAddresses: [at('node'), second] })
      set(web({ type: 'NodePort' }, ...both))
      assert.deepEqual(await fates(), ['yes', 'yes', 'refused'])
      program.setNode(NODE)
      set(web({ type: 'NodePort' }, ...both))
    })

    test('ports of a Service lead to different ports of different pods', async () => {
      await network.serve('b', 9090)
      const named = [
        { name: 'one', protocol: 'TCP', port: 80, targetPort: 'x' },
        { name: 'two', protocol: 'TCP', port: 81, targetPort: 'y' },
      ] as const
      const slice = (place: Place, one: number, two: number) => ({
        ...aSlice('web', [endpoint(place)], place),
        ports: [
          { name: 'one', protocol: 'TCP' as const, port: one },
          { name: 'two', protocol: 'TCP' as const, port: two },
        ],
      })
      set(together(aService('web', { clusterIP: vip, ports: named }), slice('a', 8080, 1), slice('b', 9090, 8080)))
      assert.deepEqual(await askAll(4), { a: 2, b: 2 })
      const second = [await network.fate('c', vip, 81), await network.fate('c', vip, 81)]
      assert.deepEqual(second.sort(), ['b', 'refused'], 'pod a has nobody on port 1')
    })

    test('SCTP is in the maps as TCP is', () => {
      set(web({ ports: [{ name: 'sctp', protocol: 'SCTP', port: 80 }] }, ...both))
      const listed = network.nft('list', 'map', family, 'fairlead', 'cluster-services')
      assert.match(
        listed,
        new RegExp(`${vip.replaceAll('.', '\\.')} \\. sctp \\. 80 comment "default/web:sctp ClusterIP"`),
      )
      assert.ok(!network.nft('list', 'ruleset').includes('other'))
    })
  })
}
