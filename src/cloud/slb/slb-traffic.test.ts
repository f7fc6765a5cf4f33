/** CLB from its API to packets: what a public client asks for is what callers on the internet and in the VPC meet. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import PopCore from '@alicloud/pop-core'
import { systemClock } from '../../base/clock.ts'
import { systemErrorCode } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { openCloud } from '../cloud.ts'
import { openCloudFabric } from '../fabric/cloud-fabric.ts'
import { KernelDataPlane } from '../load-balancer/kernel-data-plane.ts'
import { findHaproxy } from '../load-balancer/layer7/find-haproxy.ts'
import { closed, firstLine, HeldClock, TestLoadBalancer } from '../load-balancer/test-load-balancer.ts'
import { instanceId, type RegionSpec, vSwitchId } from '../region.ts'
import { issueSelfSigned } from '../self-signed-certificate.ts'
import { refusalOf, TEST_USER } from '../test-cloud.ts'

const MACHINES = [1, 2, 3] as const
const REGION: RegionSpec = {
  cluster: 'test',
  vpcCidr: '192.168.0.0/16',
  vSwitches: [{ zoneId: 'zone-a', cidrBlock: '192.168.1.0/24' }],
  machines: MACHINES.map((n) => ({ name: `node-${n}`, zoneId: 'zone-a', address: `192.168.1.${n}` })),
}
const CLIENT = '198.51.100.2'

function missingTool(): string | false {
  try {
    findHaproxy()
    return false
  } catch (error) {
    return `no haproxy (${systemErrorCode(error)})`
  }
}

/** A whole cloud around three machines, and its public client. */
interface Bench {
  readonly lb: TestLoadBalancer
  /** The data plane's: what it does later it does when the test says. */
  readonly clock: HeldClock
  /** Asks, and waits until packets follow. */
  ask(action: string, parameters?: object): Promise<Record<string, string>>
  /** An instance with a group of these machines, `[number, weight]`. */
  instance(machines: readonly (readonly [number, number])[], parameters?: object): Promise<Instance>
}

interface Instance {
  readonly LoadBalancerId: string
  readonly Address: string
  readonly VServerGroupId: string
}

async function withCloud(name: string, run: (bench: Bench) => Promise<void>): Promise<void> {
  await using lb = new TestLoadBalancer(name)
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-clb-'))
  const clock = new HeldClock()
  const { netns } = lb.vpc
  const { accessKeyId, accessKeySecret } = TEST_USER
  try {
    await using cloud = await openCloud({
      directory,
      region: REGION,
      users: [TEST_USER],
      listen: { host: '127.0.0.1', port: 0 },
      dataPlane: new KernelDataPlane({ netns, directory: lb.directory, clock, log: silentLog }),
      fabric: openCloudFabric({ netns, machineNetns: (machine) => lb.node(Number(machine.slice('node-'.length))) }),
      clock: systemClock,
      log: silentLog,
    })
    const client = new PopCore({ endpoint: cloud.endpoint.url, apiVersion: '2014-05-15', accessKeyId, accessKeySecret })
    const ask = async (action: string, parameters: object = {}) => {
      const answer = await client.request<Record<string, string>>(action, parameters, { method: 'POST' })
      await cloud.settled()
      return answer
    }
    const instance: Bench['instance'] = async (machines, parameters = {}) => {
      const made = await ask('CreateLoadBalancer', { LoadBalancerSpec: 'slb.s1.small', ...parameters })
      const { LoadBalancerId = '', Address = '' } = made
      const BackendServers = serversOf(machines)
      const { VServerGroupId = '' } = await ask('CreateVServerGroup', { LoadBalancerId, BackendServers })
      return { LoadBalancerId, Address, VServerGroupId }
    }
    await run({ lb, clock, ask, instance })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function serversOf(machines: readonly (readonly [number, number])[]): string {
  return JSON.stringify(
    machines.map(([n, Weight]) => ({ ServerId: instanceId(REGION.cluster, `node-${n}`), Port: 80, Weight })),
  )
}

/** Which machine answered each of so many connections. */
async function answers(lb: TestLoadBalancer, host: string, count: number, from = {}): Promise<string> {
  const got: string[] = []
  for (let n = 0; n < count; n += 1) got.push((await lb.ask(host, 80, from))[0] ?? '')
  return got.join('')
}

test('a TCP listener, from its creation to its end', () =>
  withCloud('clb', async ({ lb, clock, ask, instance }) => {
    for (const n of MACHINES) lb.tcp(n)
    const made = await instance([
      [1, 60],
      [2, 20],
    ])
    const { LoadBalancerId, Address, VServerGroupId } = made
    const listener = { LoadBalancerId, ListenerPort: 80 }
    const settings = { ...listener, Bandwidth: -1, HealthCheckSwitch: 'off' }
    await ask('CreateLoadBalancerTCPListener', { ...settings, VServerGroupId, Scheduler: 'wrr' })
    await assert.rejects(lb.connect(Address, 80, { timeoutMs: 300 }), 'a new listener is stopped')
    await ask('StartLoadBalancerListener', listener)
    const got = await answers(lb, Address, 16)
    assert.equal(got.replaceAll('2', '').length, 12, got)
    assert.match(await lb.ask(Address, 80), new RegExp(`^\\d (::ffff:)?${CLIENT} `), 'its client is seen')

    await ask('SetLoadBalancerTCPListenerAttribute', { ...settings, Scheduler: 'rr' })
    assert.match(await answers(lb, Address, 8), /^(12){4}$|^(21){4}$/)
    await ask('SetLoadBalancerTCPListenerAttribute', { ...settings, PersistenceTimeout: 60 })
    assert.match(await answers(lb, Address, 4), /^1111$|^2222$/)
    await ask('SetLoadBalancerTCPListenerAttribute', { ...settings, PersistenceTimeout: 0 })
    await ask('SetVServerGroupAttribute', { VServerGroupId, BackendServers: serversOf([[1, 0]]) })
    assert.equal(await answers(lb, Address, 4), '2222', 'weight 0')

    const { AclId = '' } = await ask('CreateAccessControlList', { AclName: 'nobody' })
    const AclEntrys = JSON.stringify([{ entry: '198.51.100.0/24' }])
    await ask('AddAccessControlListEntry', { AclId, AclEntrys })
    const acl = { ...settings, AclStatus: 'on', AclId, AclType: 'black' }
    await ask('SetLoadBalancerTCPListenerAttribute', acl)
    await assert.rejects(lb.connect(Address, 80, { timeoutMs: 300 }), { code: 'TIMEOUT' })
    await ask('SetLoadBalancerTCPListenerAttribute', { ...acl, AclType: 'white' })
    assert.equal(await answers(lb, Address, 1), '2')
    await ask('SetLoadBalancerTCPListenerAttribute', { ...settings, AclStatus: 'off' })

    await ask('SetLoadBalancerTCPListenerAttribute', { ...settings, ConnectionDrain: 'on', ConnectionDrainTimeout: 10 })
    const socket = await lb.connect(Address, 80)
    assert.match(await firstLine(socket), /^2 /)
    await ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers: serversOf([[3, 100]]) })
    await ask('RemoveVServerGroupBackendServers', { VServerGroupId, BackendServers: serversOf([[2, 20]]) })
    assert.equal(await answers(lb, Address, 2), '33')
    socket.write('still there\n')
    assert.equal(await firstLine(socket), 'still there')
    assert.ok(clock.release(10_000) > 0)
    socket.write('gone\n')
    await closed(socket)

    assert.equal(await refusalOf(ask('DeleteVServerGroup', { VServerGroupId })), 'RspoolVipExist')
    await ask('StopLoadBalancerListener', listener)
    await assert.rejects(lb.connect(Address, 80, { timeoutMs: 300 }))
    await ask('StartLoadBalancerListener', listener)
    assert.equal(await answers(lb, Address, 1), '3')
    await ask('SetLoadBalancerDeleteProtection', { LoadBalancerId, DeleteProtection: 'on' })
    assert.equal(await refusalOf(ask('DeleteLoadBalancer', { LoadBalancerId })), 'OperationDenied.DeleteProtectionIsOn')
    assert.equal(await answers(lb, Address, 1), '3', 'nothing of it is gone')
    await ask('SetLoadBalancerDeleteProtection', { LoadBalancerId, DeleteProtection: 'off' })
    await ask('DeleteLoadBalancer', { LoadBalancerId })
    await assert.rejects(lb.connect(Address, 80, { timeoutMs: 300 }))
  }))

test('an intranet instance is reached in the VPC, and from the internet not', () =>
  withCloud('cli', async ({ lb, ask, instance }) => {
    lb.tcp(1)
    const VSwitchId = vSwitchId(REGION.cluster, 'zone-a')
    const place = { AddressType: 'intranet', VSwitchId, Address: '192.168.1.200' }
    const { LoadBalancerId, Address, VServerGroupId } = await instance([[1, 100]], place)
    assert.equal(Address, '192.168.1.200')
    const listener = { LoadBalancerId, ListenerPort: 80 }
    const settings = { ...listener, VServerGroupId, Bandwidth: -1, HealthCheckSwitch: 'off' }
    await ask('CreateLoadBalancerTCPListener', { ...settings, Scheduler: 'sch' })
    await ask('StartLoadBalancerListener', listener)
    assert.match(await lb.ask(Address, 80, { netns: lb.node(2) }), /^1 (::ffff:)?192\.168\.1\.2 /)
    await assert.rejects(lb.connect(Address, 80, { timeoutMs: 300 }))
  }))

test('HTTP and HTTPS listeners: cookies, headers, HTTP/2, redirection', { skip: missingTool() }, () =>
  withCloud('clh', async ({ lb, ask, instance }) => {
    for (const n of MACHINES) lb.http(n)
    const { LoadBalancerId, Address, VServerGroupId } = await instance([
      [1, 100],
      [2, 100],
    ])
    const common = { LoadBalancerId, VServerGroupId, Bandwidth: -1, HealthCheck: 'off' }
    await ask('CreateLoadBalancerHTTPListener', {
      ...common,
      ListenerPort: 80,
      StickySession: 'on',
      StickySessionType: 'insert',
      CookieTimeout: 100,
    })
    await ask('StartLoadBalancerListener', { LoadBalancerId, ListenerPort: 80 })
    const [head = '', body = ''] = (await curl(lb, '-i', `http://${Address}/`)).split('\r\n\r\n')
    const cookie = /set-cookie: (SERVERID=\w+)/i.exec(head)?.[1] ?? assert.fail(head)
    const first = JSON.parse(body) as Seen
    assert.equal(first.client, '100.64.0.1')
    assert.equal(first.headers['x-forwarded-for'], CLIENT)
    for (let i = 0; i < 4; i += 1) {
      const { n } = JSON.parse(await curl(lb, '-b', cookie, `http://${Address}/`)) as Seen
      assert.equal(n, first.n)
    }

    const { certificatePem, privateKeyPem } = await issueSelfSigned('www.example.test')
    const { ServerCertificateId } = await ask('UploadServerCertificate', {
      ServerCertificate: certificatePem,
      PrivateKey: privateKeyPem,
    })
    await ask('CreateLoadBalancerHTTPSListener', {
      ...common,
      ListenerPort: 443,
      StickySession: 'off',
      ServerCertificateId,
      XForwardedFor_proto: 'on',
    })
    await ask('StartLoadBalancerListener', { LoadBalancerId, ListenerPort: 443 })
    const name = ['-k', '--resolve', `www.example.test:443:${Address}`]
    assert.match(await curl(lb, '-i', '--http2', ...name, 'https://www.example.test/'), /^HTTP\/2 200/)
    const seen = JSON.parse(await curl(lb, ...name, 'https://www.example.test/')) as Seen
    assert.equal(seen.headers['x-forwarded-proto'], 'https')

    const forward = { LoadBalancerId, ListenerPort: 8080, ListenerForward: 'on', ForwardPort: 443, Bandwidth: -1 }
    await ask('CreateLoadBalancerHTTPListener', { ...forward, StickySession: 'off', HealthCheck: 'off' })
    await ask('StartLoadBalancerListener', { LoadBalancerId, ListenerPort: 8080 })
    const moved = await curl(lb, '-i', '-H', 'Host: www.example.test:8080', `http://${Address}:8080/a?b=1`)
    assert.match(moved, /^HTTP\/1\.1 301 /)
    assert.match(moved, /location: https:\/\/www\.example\.test\/a\?b=1\r/i)
  }),
)

interface Seen {
  readonly n: number
  readonly client: string
  readonly headers: Readonly<Record<string, string>>
}

/** What curl prints, called on the internet. */
function curl(lb: TestLoadBalancer, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = [`--net=${lb.internet}`, 'curl', '-s', '-S', '--max-time', '5', ...args]
    execFile('nsenter', options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`curl ${args.join(' ')}: ${stderr}`))
    })
  })
}
