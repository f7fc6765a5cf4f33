import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ConntrackSocket } from '../linux/conntrack.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { Program } from './program.ts'
import { forgetStaleConnections } from './stale-connections.ts'
import { ADDRESSES, askOver, type Place, POD_CIDRS, TestNetwork } from './test-network.ts'
import { aService, aSlice, gone, together } from './test-objects.ts'

const NODE = { name: 'n1', addresses: [ADDRESSES.node.ip, ADDRESSES.node.ip6], podCidrs: POD_CIDRS }

for (const family of ['ip', 'ip6'] as const) {
  describe(`packets through ${family === 'ip' ? 'IPv4' : 'IPv6'}`, () => {
    const at = (place: Place) => ADDRESSES[place][family]
    const vip = family === 'ip' ? '10.96.0.10' : 'fd00:10:96::10'
    const vip2 = family === 'ip' ? '10.96.0.11' : 'fd00:10:96::11'
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

    const local = (place: Place) => ({ ip: at(place), node: 'n1' })
    const web = (...places: Place[]) =>
      together(
        aService('web', { clusterIP: vip, type: 'NodePort', ports: nodePorts }),
        aSlice('web', places.map(local)),
      )
    const nodePorts = [
      { name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 },
      { name: 'udp', protocol: 'UDP', port: 80, nodePort: 30080 },
    ] as const
    const set = (...all: ReturnType<typeof together>[]) => {
      for (const objects of all) program.setService(objects)
      program.commit()
    }

    test('ten connections to two endpoints are five and five', async () => {
      set(web('a', 'b'))
      const tally = await askTimes(10, () => network.ask('c', vip, 80))
      assert.deepEqual(tally, { a: 5, b: 5 })
    })

    test('two Services called in turn are each served in turn', async () => {
      set(web('a', 'b'), together(aService('other', { clusterIP: vip2 }), aSlice('other', [at('a'), at('b')])))
      const first: string[] = []
      const second: string[] = []
      for (let i = 0; i < 10; i += 1) {
        first.push((await network.ask('c', vip, 80)).from)
        second.push((await network.ask('c', vip2, 80)).from)
      }
      for (const served of [first, second]) assert.equal(served.filter((from) => from === 'a').length, 5, served.join())
      set(gone('other'))
    })

    test('UDP is balanced and sees the pod that asks', async () => {
      set(web('a', 'b'))
      const tally = await askTimes(10, () => network.askUdp('c', vip, 80))
      assert.deepEqual(tally, { a: 5, b: 5 })
      assert.equal((await network.askUdp('c', vip, 80)).seen, at('c'))
    })

    test('a pod is seen by its own address, the node and the outside by the node', async () => {
      set(web('a', 'b'))
      assert.equal((await network.ask('c', vip, 80)).seen, at('c'))
      assert.equal((await network.ask('node', vip, 80)).seen, at('node'))
      assert.equal((await network.ask('outside', vip, 80)).seen, at('node'))
    })

    test('a NodePort answers the outside, pods and the node itself, masqueraded', async () => {
      set(web('a', 'b'))
      for (const place of ['outside', 'c', 'node'] as const) {
        const answer = await network.ask(place, at('node'), 30080)
        assert.equal(answer.seen, at('node'), place)
        assert.equal((await network.askUdp(place, at('node'), 30080)).seen, at('node'), place)
      }
      const tally = await askTimes(10, () => network.ask('outside', at('node'), 30080))
      assert.deepEqual(tally, { a: 5, b: 5 })
    })

    test('a pod reaches itself through its Service', async () => {
      set(web('a'))
      const answer = await network.ask('a', vip, 80)
      assert.deepEqual(answer, { from: 'a', seen: at('node') })
    })

    test('without endpoints it is refused at once', async () => {
      set(web())
      for (const place of ['c', 'node', 'outside'] as const) {
        await assert.rejects(network.ask(place, vip, 80), refused, `${place} TCP`)
        await assert.rejects(network.askUdp(place, vip, 80), refused, `${place} UDP`)
        await assert.rejects(network.ask(place, at('node'), 30080), refused, `${place} NodePort`)
      }
    })

    test('a port that the ClusterIP does not have is refused', async () => {
      set(web('a'))
      await assert.rejects(network.ask('c', vip, 81), refused)
      await assert.rejects(network.ask('node', vip, 81), refused)
    })

    test('a connection outlives its endpoint leaving, new ones go elsewhere', async () => {
      set(web('a'))
      const open = await network.connect('c', vip, 80)
      assert.equal((await askOver(open)).from, 'a')
      set(web('b'))
      assert.equal((await askOver(open)).from, 'a')
      assert.equal((await network.ask('c', vip, 80)).from, 'b')
    })

    test('no connection fails while endpoints come and go', async () => {
      const turns = [web('a', 'b'), web('b'), web('a', 'b'), web('a')]
      set(web('a'))
      let changes = 0
      const churn = setInterval(() => set(turns[changes++ % turns.length] ?? web('a')), 1)
      try {
        for (let i = 0; i < 300; i += 1) await network.ask('c', vip, 80)
      } finally {
        clearInterval(churn)
      }
      assert.ok(changes > 20, `${changes} changes`)
    })

    test('a busy UDP client moves to an endpoint that serves', async () => {
      set(web('a'))
      const socket = await network.udpClient('c', vip, 80)
      assert.equal((await network.askUdp('c', vip, 80, socket)).from, 'a')
      program.takeChangedUdp()
      set(web('b'))
      using connections = ConntrackSocket.open(network.path('node'))
      assert.ok(forgetStaleConnections(connections, program.takeChangedUdp()) >= 1)
      assert.equal((await network.askUdp('c', vip, 80, socket)).from, 'b')
    })

    test('policy Local keeps the client address, drops without a local endpoint, and is whole from inside', async () => {
      const service = aService('local', {
        clusterIP: vip2,
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        ports: [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30081 }],
      })
      set(together(service, aSlice('local', [local('a'), { ip: at('b'), node: 'n2' }])))
      const outside = await askTimes(4, () => network.ask('outside', at('node'), 30081))
      assert.deepEqual(outside, { a: 4 })
      assert.equal((await network.ask('outside', at('node'), 30081)).seen, at('outside'))
      const inside = await askTimes(4, () => network.ask('c', at('node'), 30081))
      assert.deepEqual(inside, { a: 2, b: 2 })
      assert.equal((await network.ask('c', at('node'), 30081)).seen, at('c'))
      assert.equal((await network.ask('node', at('node'), 30081)).seen, at('node'))
      set(together(service, aSlice('local', [{ ip: at('b'), node: 'n2' }])))
      await assert.rejects(network.ask('outside', at('node'), 30081), { code: 'TIMEOUT' })
      assert.equal((await network.ask('c', at('node'), 30081)).from, 'b')
      set(gone('local'))
    })
  })
}

/** How often each server answered. */
async function askTimes(times: number, ask: () => Promise<{ from: string }>): Promise<Record<string, number>> {
  const tally: Record<string, number> = {}
  for (let i = 0; i < times; i += 1) {
    const { from } = await ask()
    tally[from] = (tally[from] ?? 0) + 1
  }
  return tally
}

function refused(error: unknown): boolean {
  return String(error).includes('ECONNREFUSED')
}
