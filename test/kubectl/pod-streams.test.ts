import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { loadKubeconfig } from '../../src/kube/kubeconfig.ts'
import { echoService } from '../traffic/traffic-cluster.ts'
import { unavailable } from './kubectl.ts'
import { PodCluster } from './pod-cluster.ts'

const PODS = `
apiVersion: v1
kind: Pod
metadata: { name: talk }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: talk
      image: fairlead/client
      command: [/bin/sh, -c, 'for i in 1 2 3; do echo line $i; done; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo last; exec sleep 1000']
---
apiVersion: v1
kind: Pod
metadata: { name: two }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: fails, image: fairlead/client, command: [/bin/sh, -c, 'echo failing; exit 3'] }
    - { name: stays, image: fairlead/client, command: [/bin/sh, -c, 'echo staying; exec sleep 1000'] }
---
apiVersion: v1
kind: Pod
metadata: { name: waits }
spec:
  containers: [{ name: a, image: no.such/image }]
---
${echoService('web', { replicas: 2 })}
---
apiVersion: v1
kind: Service
metadata: { name: solo }
spec: { selector: { app: web }, ports: [{ name: only, port: 80, targetPort: http }] }
`
/** All messages of a WebSocket to a pod's subresource, up to its end; `''` names no protocol. */
async function webSocketMessages(cluster: PodCluster, path: string, protocol: string): Promise<Buffer[]> {
  const { server, caPem, credentials } = await loadKubeconfig(cluster.traffic.cluster.layout.kubeconfig)
  assert.equal(credentials.type, 'certificate')
  const url = `${server.replace(/^https/, 'wss')}/api/v1/namespaces/default/pods/${path}`
  const identity = { ca: caPem, cert: credentials.certificatePem, key: credentials.keyPem }
  const socket = new WebSocket(url, protocol === '' ? [] : [protocol], { ...identity, perMessageDeflate: false })
  const messages: Buffer[] = []
  socket.on('message', (data: Buffer) => messages.push(data))
  await once(socket, 'close')
  return messages
}

const BY = [
  ['WebSocket', {}],
  ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
] as const

describe('what kubectl does with pods', { skip: unavailable }, () => {
  let cluster: PodCluster
  before(async () => {
    cluster = await PodCluster.start()
    await cluster.traffic.apply(PODS)
    await cluster.traffic.readyPod('talk')
    await cluster.traffic.readyEndpoints('web', 2)
  })
  after(() => cluster?.[Symbol.asyncDispose]())

  test('logs: all, some, with times, of a time', async () => {
    assert.equal(await cluster.show('logs', 'talk'), 'line 1\nline 2\nline 3\n')
    assert.equal(await cluster.show('logs', 'talk', '--tail=1'), 'line 3\n')
    assert.equal(await cluster.show('logs', 'talk', '--limit-bytes=8'), 'line 1\nl')
    const timed = await cluster.show('logs', 'talk', '--timestamps')
    assert.match(timed, /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line [123]\n){3}$/)
    const time = timed.slice(0, 30)
    assert.equal(await cluster.show('logs', 'talk', `--since-time=${time}`), 'line 1\nline 2\nline 3\n')
    assert.equal(await cluster.show('logs', 'talk', '--since-time=2100-01-01T00:00:00Z'), '')
    assert.equal(await cluster.show('logs', 'talk', '--since=1h', '--tail=2'), 'line 2\nline 3\n')
  })

  test('exec and logs by plain WebSockets, as browsers and test suites open them', async () => {
    const exec = 'exec?stdout=1&stderr=1&container=talk&command=echo&command=hello'
    for (const protocol of ['channel.k8s.io', 'base64.channel.k8s.io', 'v4.channel.k8s.io']) {
      const [, ...parts] = await webSocketMessages(cluster, `talk/${exec}`, protocol)
      const isText = protocol.startsWith('base64')
      const stdout = parts.filter((part) => part[0] === (isText ? 0x31 : 1)).map((part) => part.subarray(1))
      const text = Buffer.concat(stdout.map((part) => (isText ? Buffer.from(String(part), 'base64') : part))).toString()
      assert.equal(text, 'hello\n', protocol)
      assert.equal(parts.length - stdout.length, protocol.startsWith('v4') ? 1 : 0, 'only version 4 tells of success')
    }
    for (const protocol of ['binary.k8s.io', '']) {
      const [first, ...parts] = await webSocketMessages(cluster, 'talk/log?container=talk&tailLines=2', protocol)
      assert.equal(first?.length, 0)
      assert.equal(Buffer.concat(parts).toString(), 'line 2\nline 3\n')
    }
    await assert.rejects(webSocketMessages(cluster, 'talk/log?container=none', 'binary.k8s.io'), /400/)
    await assert.rejects(webSocketMessages(cluster, `talk/${exec}`, 'v9.channel.k8s.io'), /403/)
  })

  test('logs: of a container, of the run before, of a deployment', async () => {
    assert.equal(await cluster.show('logs', 'two', '-c', 'stays'), 'staying\n')
    await cluster.traffic.until('a restart', () => {
      const statuses = cluster.traffic.watch.pod('two')?.status?.containerStatuses
      return statuses?.find(({ name }) => name === 'fails')?.lastState?.terminated
    })
    assert.equal(await cluster.show('logs', 'two', '-c', 'fails', '--previous'), 'failing\n')
    const all = await cluster.show('logs', 'two', '--all-containers', '--prefix')
    assert.deepEqual(all.trim().split('\n').sort(), ['[pod/two/fails] failing', '[pod/two/stays] staying'])
    assert.match(await cluster.show('logs', 'deploy/web', '--tail=1'), /./)
  })

  test('logs: why there are none', async () => {
    assert.equal(
      await cluster.fail('logs', 'talk', '--previous'),
      'Error from server (BadRequest): previous terminated container "talk" in pod "talk" not found',
    )
    assert.equal(await cluster.fail('logs', 'talk', '-c', 'x'), 'error: container x is not valid for pod talk')
    assert.match(await cluster.fail('logs', 'waits'), /BadRequest.*"a" in pod "waits" is waiting to start: /)
    assert.match(await cluster.fail('logs', 'nosuch'), /NotFound.*pods "nosuch" not found/)
    assert.match(
      await cluster.fail('get', '--raw', '/api/v1/namespaces/default/pods/two/log'),
      /a container name must be specified for pod two, choose one of: \[fails stays\]/,
    )
  })

  test('logs and attach: what comes while one looks', async () => {
    const following = cluster.start(['logs', '-f', '--tail=1', 'talk'])
    await following.printed(/line 3/)
    const attached = cluster.start(['attach', 'talk'])
    await attached.printed(/command prompt/)
    // What is written before the node has answered belongs to the log only.
    await cluster.show('exec', 'talk', '--', 'sh', '-c', 'sleep 0.5; touch /tmp/go')
    await following.printed(/line 3\nlast\n/)
    await attached.printed(/last\n/)
    for (const command of [following, attached]) {
      process.kill(command.pid)
      await command.ended()
    }
  })

  for (const [protocol, env] of BY) {
    test(`exec: output, input, exit codes (${protocol})`, async () => {
      const exec = (args: readonly string[], stdin?: string) =>
        cluster.run(['exec', ...args], { env, ...(stdin === undefined ? {} : { stdin }) })
      const both = await exec(['talk', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
      assert.deepEqual([both.code, both.stdout], [7, 'out\n'])
      assert.equal(both.stderr, 'err\ncommand terminated with exit code 7\n')
      assert.equal((await exec(['-i', 'talk', '--', 'wc', '-c'], 'four')).stdout, '4\n')
      const many = await exec(['talk', '--', 'head', '-c', '3000000', '/dev/zero'])
      assert.equal(many.stdout.length, 3_000_000)
      const none = await exec(['talk', '--', 'no-such-program'])
      assert.equal(none.code, 1)
      assert.match(none.stderr, /no-such-program": executable file not found in \$PATH/)
      assert.match(
        (await exec(['waits', '--', 'ls'])).stderr,
        /unable to upgrade connection: container not found \("a"\)/,
      )
    })

    test(`exec: a terminal with its size (${protocol})`, async () => {
      // The size comes when the command has begun.
      const size = 'for i in $(seq 100); do stty size | grep -x "41 99" && break; sleep 0.1; done'
      const inner = `kubectl exec -it talk -- sh -c 'tty; ${size}; echo $TERM; exit 5'`
      const { code, stdout } = await cluster.onTerminal(`stty rows 41 cols 99; ${inner}`, env)
      assert.equal(code, 5, stdout)
      // The terminal of the test adds a return of its own until kubectl has made it raw.
      assert.match(stdout, /\/dev\/pts\/\d+\r+\n41 99\r+\nxterm\r+\n/)
    })

    test(`port-forward (${protocol})`, async () => {
      await using forwarding = ending(cluster.start(['port-forward', 'deploy/web', ':8080'], { env }))
      await forwarding.command.printed(/Forwarding from 127\.0\.0\.1:\d+/)
      const port = /127\.0\.0\.1:(\d+)/.exec(forwarding.command.stdout)?.[1]
      const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json() as Promise<Answer>
      assert.equal((await ask('/one')).path, '/one')
      const answers = await Promise.all(['/a', '/b', '/c', '/d'].map(ask))
      assert.deepEqual(
        answers.map(({ path }) => path),
        ['/a', '/b', '/c', '/d'],
      )
      assert.match(answers[0]?.server ?? '', /^127\.0\.0\.1:8080$/)
    })
  }

  test('a command ends with its client', async () => {
    const command = cluster.start(['exec', 'talk', '--', 'sh', '-c', 'echo $$; exec sleep 4321'])
    await command.printed(/\d+\n/)
    process.kill(command.pid)
    await command.ended()
    // The pattern is not to find the command that looks.
    const look = 'for i in $(seq 100); do grep -qs 432[1] /proc/[0-9]*/cmdline || exit 0; sleep 0.1; done; exit 1'
    await cluster.show('exec', 'talk', '--', 'sh', '-c', look)
  })

  test('cp: there and back, byte for byte', async () => {
    const bytes = randomBytes(2_000_000)
    writeFileSync(cluster.path('there'), bytes)
    await cluster.show('cp', cluster.path('there'), 'talk:/tmp/file')
    await cluster.show('cp', 'talk:/tmp/file', cluster.path('back'))
    assert.ok(readFileSync(cluster.path('back')).equals(bytes))
  })

  test('proxy to Services, pods and nodes', async () => {
    const raw = (path: string) => cluster.show('get', '--raw', `/api/v1${path}`)
    const answer = async (path: string) => JSON.parse(await raw(`/namespaces/default/${path}`)) as Answer
    assert.equal((await answer('services/solo/proxy/')).path, '/')
    assert.equal((await answer('services/http:web:http/proxy/a/b?x=1')).path, '/a/b?x=1')
    assert.equal((await answer('services/web:80/proxy/')).method, 'GET')
    const [pod] = await cluster.traffic.readyEndpoints('web', 2)
    assert.equal((await answer(`pods/${pod}:8080/proxy/q`)).pod, pod)
    assert.equal(await raw('/nodes/node-1/proxy/healthz'), 'ok')
    assert.match(await raw('/nodes/node-2:10250/proxy/metrics'), /^kubelet_desired_pods \d+$/m)
    assert.equal(JSON.parse(await raw('/nodes/node-1/proxy/stats/summary')).node.nodeName, 'node-1')
    const services = '/api/v1/namespaces/default/services'
    // Which of its two ports?
    assert.match(
      await cluster.fail('get', '--raw', `${services}/web/proxy/`),
      /no endpoints available for service "web"/,
    )
    assert.match(await cluster.fail('get', '--raw', `${services}/web:81/proxy/`), /no service port 81 found/)
    assert.match(await cluster.fail('get', '--raw', `${services}/nosuch/proxy/`), /services "nosuch" not found/)
  })

  test("a node's server lets in nobody but the API server", async () => {
    const { traffic } = cluster
    const node = traffic.node('node-1')
    const curl = (...args: readonly string[]) => traffic.run(node, 'curl', ['-sk', '-m', '10', ...args])
    const status = ['-o', '/dev/null', '-w', '%{http_code}']
    assert.equal(await curl(...status, 'https://192.168.0.11:10250/pods'), '401')
    assert.equal(await curl(...status, 'https://192.168.0.11:10250/containerLogs/default/talk/talk'), '401')
    assert.equal(await curl('http://127.0.0.1:10248/healthz'), 'ok')
    const upgrade = ['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket']
    assert.equal(
      await curl(...status, ...upgrade, 'https://192.168.0.11:10250/exec/default/talk/talk?command=ls'),
      '401',
    )
    const [, certificate, key] =
      /client-certificate-data: (\S+)[\s\S]*client-key-data: (\S+)/.exec(
        readFileSync(cluster.environment.KUBECONFIG ?? '', 'utf8'),
      ) ?? []
    for (const [name, data] of [
      ['admin.crt', certificate],
      ['admin.key', key],
    ] as const) {
      writeFileSync(cluster.path(name), Buffer.from(data ?? '', 'base64'))
    }
    const admin = ['--cert', cluster.path('admin.crt'), '--key', cluster.path('admin.key')]
    assert.equal(await curl(...status, ...admin, 'https://192.168.0.11:10250/pods'), '403')
  })

  test('others than administrators are refused', async () => {
    const token = (await cluster.show('create', 'token', 'default')).trim()
    // A client certificate would go before the token.
    const kubeconfig = readFileSync(cluster.environment.KUBECONFIG ?? '', 'utf8')
    const bare = cluster.path('bare')
    writeFileSync(bare, kubeconfig.replace(/^ *client-(certificate|key)-data: .*\n/gm, ''))
    const args = ['--kubeconfig', bare, '--token', token]
    assert.match(await cluster.fail(...args, 'logs', 'talk'), /Forbidden/)
    assert.match(await cluster.fail(...args, 'exec', 'talk', '--', 'ls'), /Forbidden|forbidden/)
    assert.match(await cluster.fail(...args, 'get', '--raw', '/api/v1/nodes/node-1/proxy/pods'), /forbidden/)
  })
})

interface Answer {
  readonly pod: string
  readonly server: string
  readonly method: string
  readonly path: string
}

function ending(command: ReturnType<PodCluster['start']>) {
  return {
    command,
    async [Symbol.asyncDispose]() {
      process.kill(command.pid)
      await command.ended()
    },
  }
}
