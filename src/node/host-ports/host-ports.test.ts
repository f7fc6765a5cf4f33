import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { basename } from 'node:path'
import { test } from 'node:test'
import { connectTcp, listenTcp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import type { HostPort } from './host-port-plan.ts'
import { HostPorts } from './host-ports.ts'

const skip = process.getuid?.() === 0 ? false : 'makes namespaces: needs root'

/** A client, a node between, and a pod with a server that says who calls. */
class Wires implements AsyncDisposable {
  readonly #namespaces = new TestNamespaces()
  readonly node = this.#namespaces.create('node')
  readonly #client = this.#namespaces.create('client')
  readonly #pod = this.#namespaces.create('pod')
  readonly #server = createServer((socket) => socket.end(`from ${socket.remoteAddress}`))

  async start(): Promise<this> {
    this.#link('client', 'fd00:1::2', 'fd00:1::1')
    this.#link('pod', 'fd00:2::2', 'fd00:2::1')
    this.#namespaces.run('node', 'sysctl -qw net.ipv6.conf.all.forwarding=1')
    this.#ip('node', 'address add fd00:1::3/64 dev client nodad')
    const fd = listenTcp({ netns: this.#pod, host: '::', port: 8080 })
    await new Promise<void>((resolve) => this.#server.listen({ fd }, resolve))
    return this
  }

  /** What the pod answers to who asks for this address and port, from outside or from the pod itself. */
  async ask(host: string, port: number, from: 'client' | 'pod' | 'node' = 'client'): Promise<string> {
    const netns = { client: this.#client, pod: this.#pod, node: this.node }[from]
    const socket = await connectTcp({ netns, host, port, timeoutMs: 3_000 })
    let text = ''
    for await (const part of socket) text += part
    return text
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
    this.#namespaces[Symbol.dispose]()
  }

  #link(name: 'client' | 'pod', address: string, gateway: string): void {
    const peer = basename(name === 'client' ? this.#client : this.#pod)
    this.#ip('node', `link add ${name} type veth peer name eth0 netns ${peer}`)
    this.#ip('node', `address add ${gateway}/64 dev ${name} nodad`)
    this.#ip('node', `link set ${name} up`)
    this.#ip(name, 'link set lo up')
    this.#ip(name, `address add ${address}/64 dev eth0 nodad`)
    this.#ip(name, 'link set eth0 up')
    this.#ip(name, `-6 route add default via ${gateway}`)
  }

  #ip(name: string, command: string): void {
    execFileSync('ip', ['-n', this.#namespaces.name(name), ...command.split(' ')])
  }
}

test('IPv6: a port on every address, one on its own alone, from outside, from the node, from the pod itself', {
  skip,
}, async () => {
  await using wires = await new Wires().start()
  using ports = new HostPorts(wires.node)
  const port = (hostPort: number, hostIP?: string): HostPort => ({
    family: 6,
    protocol: 6,
    hostPort,
    podIP: 'fd00:2::2',
    podPort: 8080,
    ...(hostIP === undefined ? {} : { hostIP }),
  })
  ports.publish('pod-1', 'default/web', [port(5080), port(5081, 'fd00:1::3')])
  assert.equal(await wires.ask('fd00:1::1', 5080), 'from fd00:1::2')
  assert.equal(await wires.ask('fd00:2::1', 5080), 'from fd00:1::2')
  assert.equal(await wires.ask('fd00:1::1', 5080, 'node'), 'from fd00:1::1')
  // A pod that reaches itself by its node would otherwise see its own address as the caller's.
  assert.equal(await wires.ask('fd00:1::1', 5080, 'pod'), 'from fd00:2::1')
  assert.equal(await wires.ask('fd00:1::3', 5081), 'from fd00:1::2')
  await assert.rejects(wires.ask('fd00:1::1', 5081), 'only on the address that it names')
  ports.withdraw('pod-1')
  await assert.rejects(wires.ask('fd00:1::1', 5080), 'gone with the pod')
})
