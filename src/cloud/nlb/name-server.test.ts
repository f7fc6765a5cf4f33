import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { decode, encode, type Packet } from 'dns-packet'
import { silentLog } from '../../base/log.ts'
import { listenTcp, openUdp, socketAddress } from '../../linux/socket.ts'
import { answerTo, startNameServer } from './name-server.ts'
import { openTestNlb, type TestNlb } from './test-nlb.ts'

const query = (name: string, type = 'A') => encode({ id: 7, type: 'query', questions: [{ name, type }] })

function ask(nlb: TestNlb, name: string, type = 'A', limit = 512): Packet {
  return decode(answerTo(query(name, type), limit, nlb.cloud.state) ?? assert.fail('no answer'))
}

interface View {
  readonly DNSName: string
  readonly ZoneMappings: readonly {
    readonly LoadBalancerAddresses: readonly { PrivateIPv4Address: string; PublicIPv4Address?: string }[]
  }[]
}

test('a name stands for the public address of each zone, else for the private one', async () => {
  await using nlb = await openTestNlb()
  const seen = (packet: Packet) => (packet.answers ?? []).map(({ data }) => data)
  for (const [AddressType, member] of [
    ['Internet', 'PublicIPv4Address'],
    ['Intranet', 'PrivateIPv4Address'],
  ] as const) {
    const LoadBalancerId = await nlb.create({ AddressType })
    const view = await nlb.ask<View>('GetLoadBalancerAttribute', { LoadBalancerId })
    const wanted = view.ZoneMappings.map(({ LoadBalancerAddresses: [one] }) => one?.[member])
    const answer = ask(nlb, view.DNSName.toUpperCase())
    assert.equal(wanted.length, 2)
    assert.deepEqual([answer.rcode, seen(answer)], ['NOERROR', wanted])
    const dual = await nlb.create({ AddressType, AddressIpVersion: 'DualStack' })
    const { DNSName } = await nlb.ask<View>('GetLoadBalancerAttribute', { LoadBalancerId: dual })
    const six = ask(nlb, DNSName, 'AAAA')
    assert.deepEqual([six.answers?.length, six.answers?.every(({ type }) => type === 'AAAA')], [2, true])
    assert.equal(ask(nlb, DNSName).answers?.length, 2)
    const none = ask(nlb, view.DNSName, 'AAAA')
    assert.deepEqual([none.rcode, seen(none), none.authorities?.[0]?.type], ['NOERROR', [], 'SOA'])
    const short = ask(nlb, view.DNSName, 'A', 40)
    assert.deepEqual([seen(short), (short.flags ?? 0) & 0x0200], [[], 0x0200], 'cut off')
  }
})

test('names of nobody are denied, those of others refused, and what is no question is passed over', async () => {
  await using nlb = await openTestNlb()
  const id = await nlb.create()
  assert.equal(ask(nlb, 'nlb-nobody.cn-hangzhou.nlb.aliyuncs.com').rcode, 'NXDOMAIN')
  assert.equal(ask(nlb, `${id}.other-region.nlb.aliyuncs.com`).rcode, 'NXDOMAIN')
  assert.equal(ask(nlb, 'cn-hangzhou.nlb.aliyuncs.com').rcode, 'NOERROR')
  assert.equal(ask(nlb, 'www.example.com').rcode, 'REFUSED')
  assert.equal(answerTo(Buffer.from('nonsense'), 512, nlb.cloud.state), undefined)
  const response = encode({ id: 7, type: 'response', questions: [{ name: 'a.nlb.aliyuncs.com', type: 'A' }] })
  assert.equal(answerTo(response, 512, nlb.cloud.state), undefined)
})

test('it is asked by UDP and by TCP, in pieces too', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const { DNSName } = await nlb.ask<View>('GetLoadBalancerAttribute', { LoadBalancerId })
  const place = { netns: '/proc/self/ns/net', host: '127.0.0.1', port: 0 }
  const sockets = { udp: openUdp(place), tcp: listenTcp(place) }
  const [udpPort, tcpPort] = [socketAddress(sockets.udp).port, socketAddress(sockets.tcp).port]
  await using _server = await startNameServer({ state: nlb.cloud.state, sockets, log: silentLog })
  const udp = createSocket('udp4')
  udp.send(query(DNSName), udpPort, '127.0.0.1')
  const [datagram] = (await once(udp, 'message')) as [Buffer]
  udp.close()
  assert.equal(decode(datagram).answers?.length, 2)
  const tcp = connect(tcpPort, '127.0.0.1')
  const message = query(DNSName)
  const length = Buffer.from([message.length >> 8, message.length & 255])
  tcp.write(length)
  tcp.write(message.subarray(0, 5))
  tcp.write(message.subarray(5))
  let received = Buffer.alloc(0)
  while (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) {
    const [data] = (await once(tcp, 'data')) as [Buffer]
    received = Buffer.concat([received, data])
  }
  tcp.destroy()
  assert.equal(decode(received.subarray(2)).answers?.length, 2)
})
