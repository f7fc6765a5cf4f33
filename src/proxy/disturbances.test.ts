/** What others do to the kernel's tables, kernels that lack something, and objects that no API server would take. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeNftKernel } from '../linux/nftables/fake-kernel.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'
import type { NodeView } from './node-view.ts'
import { Program } from './program.ts'
import type { Problem } from './service-plan.ts'
import { frontendLines, kernelMeaning } from './test-meaning.ts'
import { aService, aSlice, gone, type ServiceWords, together } from './test-objects.ts'

const NODE: NodeView = { name: 'n1', addresses: ['192.168.0.1', 'fd00:192::1'], podCidrs: ['10.244.1.0/24'] }
const tcp = [{ name: 'tcp', protocol: 'TCP', port: 80 }] as const
const sticky: ServiceWords = { sessionAffinity: 'ClientIP', annotations: { 'fairlead.dev/load-balancing': 'maglev' } }
const everything = [
  together(aService('web', { clusterIP: '10.96.0.1', ports: tcp }), aSlice('web', ['10.244.1.1', '10.244.1.2'])),
  together(
    aService('six', {
      clusterIPs: ['10.96.0.2', 'fd00:10:96::2'],
      type: 'LoadBalancer',
      ingress: ['203.0.113.7', '2001:db8::7'],
      loadBalancerSourceRanges: ['198.51.100.0/24', '2001:db8:2::/64'],
      ports: tcp,
      ...sticky,
    }),
    aSlice('six', ['10.244.1.1', '10.244.1.2']),
    aSlice('six', ['fd00:10:244:1::1', 'fd00:10:244:1::2'], '6'),
  ),
]

describe('what others do to the tables in the kernel is found and mended', () => {
  const hurt = (name: string, ...commands: string[]) =>
    test(name, () => {
      using namespaces = new TestNamespaces()
      using kernel = NftSocket.open(namespaces.create('hurt'))
      const program = new Program({ kernel, nodeName: 'n1', maglevSlots: () => 13 })
      program.start(NODE, everything)
      program.setServiceCidrs(['10.96.0.0/16'])
      program.commit()
      const before = kernelMeaning(kernel)
      const generation = kernel.generation()
      for (const command of commands) namespaces.run('hurt', `nft ${command}`)
      assert.notEqual(kernel.generation(), generation, 'it is seen that somebody was there')
      const { changes } = program.repair()
      assert.ok(changes > 0)
      assert.deepEqual(kernelMeaning(kernel), before)
      assert.equal(program.repair().changes, 0)
    })
  hurt('the whole ruleset', 'flush ruleset')
  hurt('one table', 'delete table ip6 fairlead')
  hurt('a map', 'flush map ip fairlead cluster-services')
  hurt('elements', 'delete element ip fairlead cluster-ips { 10.96.0.1 }')
  hurt('ranges', 'flush set ip fairlead source-ranges', 'flush set ip6 fairlead source-ranges')
  hurt('rules', 'flush chain ip fairlead services', 'flush chain ip fairlead firewall')
  hurt('rules that bind clients', 'flush chain ip fairlead maglev-13-16-sticky-10800')
  hurt('a rule too many', 'add rule ip fairlead unserved counter')
  hurt('an element too many', 'add element ip fairlead firewalled { 192.0.2.1 . tcp . 80 }')
  hurt('a range too many', 'add element ip fairlead source-ranges { 203.0.113.7 . tcp . 80 . 10.0.0.0/8 }')
})

describe('a kernel that lacks a family', () => {
  test('serves the other one, and says what is missing', () => {
    const kernel = new FakeNftKernel(['ip6'])
    const program = new Program({ kernel, nodeName: 'n1' })
    assert.deepEqual(program.missing, ['ip6'])
    program.start(NODE, everything)
    assert.deepEqual(
      frontendLines(kernelMeaning(kernel, 'fairlead', ['ip'])).map((line) => line.split(' ')[1]),
      ['10.96.0.1:80/6', '10.96.0.2:80/6', '203.0.113.7:80/6'],
    )
    assert.equal(program.repair().changes, 0)
  })

  test('without both there is no proxy', () => {
    assert.throws(() => new Program({ kernel: new FakeNftKernel(['ip', 'ip6']), nodeName: 'n1' }), {
      code: 'KERNEL_FEATURE',
    })
  })
})

describe('odd objects', () => {
  const started = () => {
    const kernel = new FakeNftKernel()
    const program = new Program({ kernel, nodeName: 'n1' })
    program.start(NODE, [])
    return { kernel, program, lines: () => frontendLines(kernelMeaning(kernel)) }
  }
  const problemsOf = (plan: ReturnType<Program['setService']>): readonly Problem[] =>
    plan?.kind === 'programmed' ? plan.problems : []

  test('a thousand ports are a thousand ports', () => {
    const { program, lines } = started()
    const ports = Array.from({ length: 1000 }, (_, i) => ({ name: `p${i}`, protocol: 'TCP' as const, port: i + 1 }))
    const slice = {
      ...aSlice('web', ['10.244.1.1', '10.244.1.2']),
      ports: ports.map((port) => ({ ...port, port: 8080 })),
    }
    program.setService(together(aService('web', { clusterIP: '10.96.0.1', ports }), slice))
    program.commit()
    assert.equal(lines().length, 1000)
    program.setService(together(aService('web', { clusterIP: '10.96.0.1', ports: ports.slice(500) }), slice))
    program.commit()
    assert.equal(lines().length, 500)
    assert.equal(program.repair().changes, 0)
  })

  test('a Service that changes family takes all that was of the old one along', () => {
    const { program, lines, kernel } = started()
    const slices = [aSlice('web', ['10.244.1.1']), aSlice('web', ['fd00:10:244:1::1'], '6')]
    const as = (...clusterIPs: string[]) => {
      program.setService(together(aService('web', { clusterIPs, ports: tcp }), ...slices))
      program.commit()
      return lines().map((line) => line.split(' ')[1])
    }
    const empty = kernelMeaning(kernel)
    assert.deepEqual(as('10.96.0.1'), ['10.96.0.1:80/6'])
    assert.deepEqual(as('fd00:10:96::1'), ['fd00:10:96::1:80/6'])
    assert.deepEqual(as('fd00:10:96::1', '10.96.0.1'), ['10.96.0.1:80/6', 'fd00:10:96::1:80/6'])
    program.setService(gone('web'))
    program.commit()
    assert.deepEqual(kernelMeaning(kernel), empty)
  })

  test('two Services with the same external address and port: the older has it, both are told apart, all else goes on', () => {
    const { program, lines } = started()
    const clash = (name: string, clusterIP: string, created: string) =>
      program.setService(
        together(
          aService(name, { clusterIP, externalIPs: ['203.0.113.7'], ports: tcp, created }),
          aSlice(name, [`10.244.1.${name.length}`]),
        ),
      )
    clash('new', '10.96.0.1', '2026-02-01T00:00:00Z')
    clash('older', '10.96.0.2', '2026-01-01T00:00:00Z')
    program.commit()
    assert.deepEqual(program.conflictsOf('default/new'), ['203.0.113.7:80/TCP is held by default/older:tcp ExternalIP'])
    assert.deepEqual(program.conflictsOf('default/older'), [])
    assert.deepEqual(
      lines().map((line) => line.split(' ').slice(1, 3).join(' ')),
      ['10.96.0.1:80/6 (default/new:tcp', '10.96.0.2:80/6 (default/older:tcp', '203.0.113.7:80/6 (default/older:tcp'],
    )
    program.setService(gone('older'))
    program.commit()
    assert.ok(lines().some((line) => line.startsWith('ip 203.0.113.7:80/6 (default/new:tcp')))
    assert.deepEqual(program.conflictsOf('default/new'), [])
  })

  test('who shares a counter is told, who needs none shares nothing', () => {
    const program = new Program({ kernel: new FakeNftKernel(), nodeName: 'n1', counters: 1 })
    program.start(NODE, [])
    const all = (count: number, words: ServiceWords = {}) => {
      const names = Array.from({ length: 40 }, (_, i) => `s${i}`)
      const endpoints = ['10.244.1.1', '10.244.1.2'].slice(0, count)
      for (const [i, name] of names.entries()) {
        const service = aService(name, { clusterIP: `10.96.0.${i + 1}`, ports: tcp, ...words })
        program.setService(together(service, aSlice(name, endpoints)))
      }
      return Math.max(...names.map((name) => program.sharersOf(`default/${name}`)))
    }
    assert.equal(all(1), 0, 'one endpoint')
    assert.ok(all(2) > 1)
    assert.equal(all(2, { annotations: { 'fairlead.dev/load-balancing': 'random' } }), 0)
    assert.equal(all(0), 0)
  })

  test('source ranges of the Service that lost an address do not shut it', () => {
    const { program, kernel } = started()
    const balanced = (name: string, created: string, loadBalancerSourceRanges: string[]) =>
      program.setService(
        together(
          aService(name, {
            clusterIP: '10.96.0.1',
            type: 'LoadBalancer',
            ingress: ['203.0.113.7'],
            ports: tcp,
            created,
            loadBalancerSourceRanges,
          }),
        ),
      )
    const shut = () => kernelMeaning(kernel).filter((line) => line.startsWith('ip firewalled'))
    balanced('a', '2026-01-01T00:00:00Z', [])
    balanced('b', '2026-02-01T00:00:00Z', ['198.51.100.0/24'])
    program.commit()
    assert.deepEqual(shut(), [])
    program.setService(gone('a'))
    program.commit()
    assert.equal(shut().length, 1)
  })

  test('connections of the Service that has the address are not judged by the endpoints of the one that has not', () => {
    const { program } = started()
    const udp = [{ name: 'udp', protocol: 'UDP', port: 53 }] as const
    for (const [name, created] of [
      ['a', '2026-01-01T00:00:00Z'],
      ['b', '2026-02-01T00:00:00Z'],
    ] as const) {
      const service = aService(name, { clusterIP: '10.96.0.1', ports: udp, created })
      program.setService(together(service, aSlice(name, [`10.244.1.${name === 'a' ? 1 : 2}`])))
    }
    const judged = program.takeChangedUdp().filter(({ frontends }) => frontends.length > 0)
    assert.deepEqual(
      judged.map(({ service }) => service),
      ['a'],
    )
  })

  test('annotations that say nothing known are told, and the default is taken', () => {
    const { program, lines } = started()
    const annotations = { 'fairlead.dev/load-balancing': 'wlc', 'fairlead.dev/weights': 'web=200' }
    const service = aService('web', { clusterIP: '10.96.0.1', ports: tcp, annotations })
    const plan = program.setService(together(service, aSlice('web', ['10.244.1.1', '10.244.1.2'])))
    program.commit()
    assert.deepEqual(
      problemsOf(plan).map(({ object, name, reason }) => `${object} ${name} ${reason}`),
      ['Service default/web InvalidLoadBalancing', 'Service default/web InvalidWeights'],
    )
    assert.match(
      problemsOf(plan)[0]?.message ?? '',
      /is "wlc"; wanted is round-robin, random, maglev. Using round-robin/,
    )
    assert.match(lines()[0] ?? '', /-> 10\.244\.1\.1:8080 10\.244\.1\.2:8080$/)
  })

  test('a range that is none is told once, and the others hold', () => {
    const { program, kernel } = started()
    const service = aService('web', {
      clusterIPs: ['10.96.0.1', 'fd00:10:96::1'],
      type: 'LoadBalancer',
      ingress: ['203.0.113.7', '2001:db8::7'],
      loadBalancerSourceRanges: ['198.51.100.0', ' 198.51.100.0/24 ', '198.51.100.128/25'],
    })
    const plan = program.setService(together(service))
    program.commit()
    assert.deepEqual(
      problemsOf(plan).map(({ reason }) => reason),
      ['InvalidSourceRange'],
    )
    assert.equal(kernelMeaning(kernel).filter((line) => line.includes(' source-ranges ')).length, 2, 'a port each')
  })

  test('publishNotReadyAddresses: what the slices call ready is served, also while it terminates', () => {
    const { program, lines } = started()
    const service = aService('web', { clusterIP: '10.96.0.1', ports: tcp, publishNotReadyAddresses: true })
    program.setService(
      together(service, aSlice('web', [{ ip: '10.244.1.1', ready: true, serving: false, terminating: true }])),
    )
    program.commit()
    assert.match(lines()[0] ?? '', /-> 10\.244\.1\.1:8080$/)
  })
})
