import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchangeUdp, query } from '../../src/dns/server/test-server.ts'
import { decodeMessage } from '../../src/dns/wire/message.ts'
import { pods } from '../../src/kube/resource.ts'
import { SOL_SOCKET, setSocketOptionInt } from '../../src/linux/libc.ts'
import { openUdp } from '../../src/linux/socket.ts'
import { poll } from '../cluster/poll.ts'
import { type TestCluster, TestHome } from '../cluster/test-cluster.ts'
import { type Kubectl, openKubectl, unavailable } from '../kubectl/kubectl.ts'

const MANIFEST = `
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: client, image: fairlead/client }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  clusterIP: 10.96.0.77
  ports: [{ name: http, port: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec:
  clusterIP: None
  ports: [{ name: sql, port: 5432 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ name: sql, port: 5432, protocol: TCP }]
endpoints:
- { addresses: [ 10.244.200.1 ], conditions: { ready: true }, hostname: db-0 }
- { addresses: [ 10.244.200.2 ], conditions: { ready: false }, hostname: db-1 }
---
apiVersion: v1
kind: Service
metadata: { name: alias }
spec: { type: ExternalName, externalName: web.default.svc.cluster.local }
`
const ZONE = 'cluster.local'

/** Name, type, what every tool must say; short names are what libraries are asked for. */
const ROWS = [
  ['web.default.svc', 'A', '10.96.0.77', 'web'],
  ['db.default.svc', 'A', '10.244.200.1', 'db.default'],
  ['db-0.db.default.svc', 'A', '10.244.200.1', 'db-0.db'],
  ['db-1.db.default.svc', 'A', '', 'db-1.db'],
  ['alias.default.svc', 'A', '10.96.0.77', 'alias'],
  ['nothing.default.svc', 'A', '', 'nothing'],
  ['10-1-2-3.default.pod', 'A', '10.1.2.3', '10-1-2-3.default.pod'],
  ['web.default.svc', 'AAAA', '', undefined],
  ['_http._tcp.web.default.svc', 'SRV', `0 100 80 web.default.svc.${ZONE}.`, undefined],
  ['_sql._tcp.db.default.svc', 'SRV', `0 100 5432 db-0.db.default.svc.${ZONE}.`, undefined],
  ['dns-version', 'TXT', '"1.1.0"', undefined],
  ['77.0.96.10.in-addr.arpa.', 'PTR', `web.default.svc.${ZONE}.`, undefined],
] as const

const tools = ['dig', 'drill', 'kdig'].filter((tool) => spawnSync('which', [tool]).status === 0)
let home: TestHome
let cluster: TestCluster
let kubectl: Kubectl
let clientNetns = ''
let musl: string | undefined
const directory = mkdtempSync(join(tmpdir(), 'fl-dns-'))
const answers = new Map<string, string[]>()

/** Runs one line of shell for each row in the client's pod, and keeps what each printed. */
async function collect(
  tool: string,
  line: (name: string, type: string, short: string | undefined) => string,
): Promise<void> {
  const script = ROWS.map(([name, type, , short]) => {
    const full = name.endsWith('.') ? name : `${name}.${ZONE}.`
    return `${line(full, type, short)} 2>/dev/null; echo @@`
  }).join('\n')
  const { stdout } = await kubectl.run('exec -i client -- sh', script)
  answers.set(
    tool,
    stdout.split('@@').map((text) => text.trim()),
  )
}

before(async () => {
  if (unavailable !== false) return
  home = new TestHome()
  cluster = await home.up({ nodes: 2, args: ['--no-demo'] })
  kubectl = openKubectl({ kubeconfig: cluster.layout.kubeconfig, directory })
  await kubectl.show('apply -f -', MANIFEST)
  await kubectl.show('wait --for=condition=Ready pod/client --timeout=60s')
  const client = await cluster.client.get(pods, { namespace: 'default', name: 'client' })
  clientNetns = cluster.podNetns(client.metadata.uid ?? '')
  await collect('dig', (name, type) => `dig +short +time=3 ${name} ${type}`)
  await collect('kdig', (name, type) => `kdig +short +time=3 ${name} ${type}`)
  await collect('drill', (name, type) => `drill -Q ${name} ${type}`)
  await collect('glibc', (_, type, short) =>
    short === undefined || type !== 'A' ? 'true' : `getent ahostsv4 ${short}`,
  )
  const program = (short: string) => `require("dns").lookup("${short}",{family:4},(e,a)=>console.log(e?"":a))`
  await collect('node', (_, type, short) =>
    short === undefined || type !== 'A' ? 'true' : `/fairlead/node -e '${program(short)}'`,
  )
  musl = muslProgram()
  if (musl !== undefined) {
    await kubectl.run('exec -i client -- sh', `echo ${musl} | base64 -d > /tmp/musl-lookup; chmod +x /tmp/musl-lookup`)
    await collect('musl', (_, type, short) =>
      short === undefined || type !== 'A' ? 'true' : `/tmp/musl-lookup ${short}`,
    )
  }
})

/** A program of the C library musl (that of Alpine's images), in base64; undefined where there is no compiler for it. */
function muslProgram(): string | undefined {
  if (spawnSync('which', ['musl-gcc']).status !== 0) return undefined
  const [source, program] = [join(import.meta.dirname, 'musl-lookup.c'), join(directory, 'musl-lookup')]
  const { status, stderr } = spawnSync('musl-gcc', ['-static', '-Os', '-s', '-o', program, source], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return readFileSync(program).toString('base64')
}

after(async () => {
  rmSync(directory, { recursive: true, force: true })
  await home?.[Symbol.asyncDispose]()
})

for (const [i, [name, type, wanted, short]] of ROWS.entries()) {
  test(`${name} ${type}: every resolver says ${wanted === '' ? 'nothing' : wanted}`, { skip: unavailable }, (t) => {
    for (const tool of tools) {
      const lines = (answers.get(tool)?.[i] ?? '').split('\n')
      // An alias is printed before what it leads to.
      assert.equal(lines.at(-1), wanted, tool)
    }
    if (musl === undefined) t.diagnostic('musl-gcc is not installed')
    for (const tool of ['glibc', 'node', ...(musl === undefined ? [] : ['musl'])]) {
      if (short === undefined) continue
      const said = (answers.get(tool)?.[i] ?? '').split('\n')[0]?.split(/\s/)[0] ?? ''
      assert.equal(said, wanted, tool)
    }
  })
}

test("the pod's resolv.conf leads to the cluster's DNS", { skip: unavailable }, async () => {
  const { stdout: text } = await kubectl.run('exec client -- cat /etc/resolv.conf')
  assert.match(text, /^nameserver 10\.96\.0\.10$/m)
  assert.match(text, /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m)
  assert.match(text, /ndots:5/)
})

for (const [name, wanted] of [
  ['web', /DNS Lookup for web resolved to \[\{10\.96\.0\.77 ?\}\]/],
  ['db.default', /DNS Lookup for db\.default resolved to \[\{10\.244\.200\.1 ?\}\]/],
  ['db-0.db.default.svc', /DNS Lookup for db-0\.db\.default\.svc resolved to \[\{10\.244\.200\.1 ?\}\]/],
  ['alias', /DNS Lookup for alias resolved to \[\{10\.96\.0\.77 ?\}\]/],
  // After the search list Go asks for the name as it is, which is nobody's: a failure of the server, not a denial.
  ['db-1.db', /lookup db-1\.db on 10\.96\.0\.10:53: server misbehaving/],
  [
    'nothing.default.svc.cluster.local.',
    /lookup nothing\.default\.svc\.cluster\.local\.? on 10\.96\.0\.10:53: no such host/,
  ],
] as const) {
  test(`Go's own resolver, in kubectl: ${name}`, { skip: unavailable }, async () => {
    // What it then connects to may not answer; that is waited for by nobody.
    const { stdout } = await kubectl.run(
      'exec -i client -- sh',
      `said=$(mktemp)
      GODEBUG=netdns=go kubectl --server=http://${name}:9 --request-timeout=20s -v=9 get --raw=/ > $said 2>&1 &
      i=0; until grep -qE 'resolved to|lookup [^ ]+ on ' $said || [ $i -ge 600 ]; do i=$((i+1)); sleep 0.05; done
      kill $! 2>/dev/null; wait; cat $said`,
    )
    assert.match(stdout, wanted)
  })
}

/** A server outside of the cluster's names, and a Corefile by which the cluster's DNS asks it. */
const OUTSIDE = `
apiVersion: v1
kind: ConfigMap
metadata: { name: outside }
data:
  Corefile: |
    .:53 {
        hosts {
            203.0.113.7 www.example.com
        }
        log
    }
---
apiVersion: v1
kind: Pod
metadata: { name: outside }
spec:
  terminationGracePeriodSeconds: 0
  dnsPolicy: Default
  containers:
  - name: dns
    image: fairlead/dns
    args: [ "-conf", "/etc/coredns/Corefile", "-workers", "2" ]
    volumeMounts: [ { name: config, mountPath: /etc/coredns } ]
  volumes: [ { name: config, configMap: { name: outside } } ]
---
apiVersion: v1
kind: Service
metadata: { name: abroad }
spec: { type: ExternalName, externalName: www.example.com }
`

function corefile(upstream: string): string {
  return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    autopath @kubernetes
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods verified
       ttl 30
    }
    prometheus :9153
    forward . ${upstream}
    cache 30
    reload 2s 1s
    loadbalance
}
`
}

/** As glibc's. */
const RESOLVER_MS = 5_000
/** To read what has come. */
const READ_MS = 50
const SO_RCVBUFFORCE = 33
const RECEIVE_BUFFER = 8 << 20

/** Asks from a pod at a steady rate, each question once more when no answer comes, as a resolver does. */
class Questions implements AsyncDisposable {
  asked = 0
  answered = 0
  again = 0
  lost = 0
  /** Answers that say no, which count for none. */
  failures = 0
  /** Seconds from the first question in which some were lost. */
  readonly losses = new Map<number, number>()
  readonly #begin = Date.now()
  readonly #socket: Socket
  readonly #waiting = new Map<number, NodeJS.Timeout>()
  readonly #running: Promise<void>
  #stopped = false

  constructor(netns: string, perSecond: number) {
    this.#socket = createSocket('udp4')
    const fd = openUdp({ netns, host: '0.0.0.0', port: 0 })
    // Answers wait here while a busy machine lets this process wait; by default there is room for some 300.
    setSocketOptionInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    this.#socket.bind({ fd })
    this.#socket.on('message', (data) => {
      const answer = decodeMessage(data)
      if (answer === undefined || (answer.flags & 15) !== 0) {
        this.failures++
        return
      }
      clearTimeout(this.#waiting.get(answer.id))
      if (this.#waiting.delete(answer.id)) this.answered++
    })
    this.#running = this.#run(perSecond)
  }

  async #run(perSecond: number): Promise<void> {
    for (let id = 0; !this.#stopped; ) {
      for (let i = 0; i < perSecond / 100; i++) this.#ask(id++ & 0xffff, 0)
      await sleep(10)
    }
  }

  #ask(id: number, attempt: number): void {
    if (attempt === 0) this.asked++
    else this.again++
    // From one port, the harder case: the kernel takes all of it for one connection, which must be led to another pod.
    this.#socket.send(query('web.default.svc.cluster.local', 'A', { id }), 53, '10.96.0.10')
    // An answer that is there already counts, however late this process comes to read it.
    const late = () => setTimeout(() => (attempt === 0 ? this.#ask(id, 1) : this.#lose(id)), READ_MS)
    this.#waiting.set(
      id,
      setTimeout(() => this.#waiting.set(id, late()), RESOLVER_MS),
    )
  }

  #lose(id: number): void {
    this.lost++
    this.#waiting.delete(id)
    const second = Math.round((Date.now() - this.#begin) / 1_000)
    this.losses.set(second, (this.losses.get(second) ?? 0) + 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#running
    // Each is answered or lost in the end.
    while (this.#waiting.size > 0) await sleep(10)
    this.#socket.close()
  }
}

test('no question is lost beyond one retry while the DNS pods are replaced under load', {
  skip: unavailable,
}, async (t) => {
  await kubectl.show('apply -f -', OUTSIDE)
  await kubectl.show('wait --for=condition=Ready pod/outside --timeout=60s')
  const { stdout: upstream } = await kubectl.run('get pod outside -o jsonpath={.status.podIP}')
  const data = JSON.stringify({ data: { Corefile: corefile(upstream) } })
  writeFileSync(join(directory, 'corefile.json'), data)
  await kubectl.show(
    `-n kube-system patch configmap coredns --type=merge --patch-file=${join(directory, 'corefile.json')}`,
  )
  const { items: first } = await cluster.client.list(pods, {
    namespace: 'kube-system',
    labelSelector: 'k8s-app=kube-dns',
  })
  const old = new Set(first.map(({ metadata }) => metadata.uid))
  assert.equal(old.size, 2)
  const questions = new Questions(clientNetns, 1_000)
  await kubectl.show('-n kube-system rollout restart deployment/cluster-dns')
  await kubectl.show('-n kube-system rollout status deployment/cluster-dns --timeout=60s')
  // Those that were replaced go on for their lameduck, and then end; what is asked after that is for the new ones alone.
  await poll('the end of the pods that were replaced', async () => {
    const { items } = await cluster.client.list(pods, { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' })
    return items.length === 2 && items.every(({ metadata }) => !old.has(metadata.uid)) ? true : undefined
  })
  const { answered: before } = questions
  await poll('answers of the new pods', async () => (questions.answered > before + 1_000 ? true : undefined))
  await questions[Symbol.asyncDispose]()
  const { asked, again, lost, failures, losses } = questions
  t.diagnostic(`${asked} asked, ${again} once more, ${lost} lost, ${failures} failures; lost by second: ${[...losses]}`)
  assert.ok(questions.asked > 1_000)
  assert.equal(questions.lost, 0)
})

test('names outside are passed on; autopath answers at the first name of the search list', {
  skip: unavailable,
}, async () => {
  const ask = async (line: string) => (await kubectl.run(`exec client -- ${line}`)).stdout.trim()
  assert.equal(await ask('dig +short www.example.com.'), '203.0.113.7')
  assert.match(await ask('getent ahostsv4 www.example.com'), /^203\.0\.113\.7\s/)
  assert.equal(await ask('dig +short abroad.default.svc.cluster.local.'), 'www.example.com.\n203.0.113.7')
  const first = 'www.example.com.default.svc.cluster.local.'
  assert.equal(await ask(`dig +short ${first}`), 'www.example.com.\n203.0.113.7')
  const { stdout: log } = await kubectl.run('logs outside')
  assert.match(log, /"A IN www\.example\.com\. udp/)
  assert.doesNotMatch(log, /www\.example\.com\.(default\.)?svc/, 'names of the search list stay in the cluster')
})

test('fairlead dns --kubeconfig: a program of its own, away from the cluster', { skip: unavailable }, async () => {
  const conf = join(directory, 'Corefile')
  const block = 'bind 127.0.0.1\n kubernetes cluster.local in-addr.arpa\n prometheus 127.0.0.1:0'
  writeFileSync(conf, `. {\n ${block}\n}\n`)
  const words = ['--kubeconfig', cluster.layout.kubeconfig, '--conf', conf, '--dns-port', '0', '--workers', '2']
  const program = home.start('dns', ...words)
  await program.printed(/Names of the cluster are known/)
  const [, port = ''] = /"ports":\[(\d+)\]/.exec(program.stderr) ?? []
  const ask = async (name: string, type = 'A') => {
    const answer = decodeMessage(await exchangeUdp(Number(port), query(name, type)))
    return answer?.answers.map(({ data }) => ('address' in data ? data.address : 'target' in data ? data.target : ''))
  }
  assert.deepEqual(await ask('web.default.svc.cluster.local'), ['10.96.0.77'])
  assert.deepEqual(await ask('77.0.96.10.in-addr.arpa', 'PTR'), ['web.default.svc.cluster.local'])
  await kubectl.show('create service clusterip fresh --clusterip=10.96.0.99 --tcp=80')
  await poll('the new name', async () =>
    (await ask('fresh.default.svc.cluster.local'))?.[0] === '10.96.0.99' ? true : undefined,
  )
  const [, page = ''] = /"url":"([^"]+\/metrics)"/.exec(program.stderr) ?? []
  const figures = await (await fetch(page)).text()
  assert.match(figures, /^coredns_dns_requests_total\{.*zone="\.".*proto="udp".*type="PTR"\} 1$/m)
  assert.match(figures, /^coredns_dns_request_duration_seconds_bucket\{.*le="0\.00025"\} \d+$/m)
  program.kill('SIGTERM')
  assert.equal((await program.ended()).code, 0)
})

test('answers go on while the API server is away', { skip: unavailable }, async () => {
  using _ = cluster.holdSupervisor()
  const old = cluster.kill('control-plane')
  assert.ok(old.pid > 0)
  const questions = new Questions(clientNetns, 100)
  await poll('answers', async () => (questions.answered > 50 ? true : undefined))
  await questions[Symbol.asyncDispose]()
  assert.ok(questions.asked > 10)
  assert.equal(questions.lost, 0)
})

test('it is known again when the API server is back', { skip: unavailable }, async () => {
  await poll('an answer of the API server', async () => {
    const { code } = await kubectl.run('get --raw /readyz')
    return code === 0 ? true : undefined
  })
  await kubectl.show('create service clusterip later --clusterip=10.96.0.88 --tcp=80')
  await poll('the new name', async () => {
    const { stdout } = await kubectl.run('exec client -- dig +short later.default.svc.cluster.local')
    return stdout.trim() === '10.96.0.88' ? true : undefined
  })
})
