import assert from 'node:assert/strict'
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { unavailable } from '../kubectl/kubectl.ts'
import { PodCluster } from '../kubectl/pod-cluster.ts'
import { ended, isReady, manifestOf, program, type Row, shell, shown } from './pod-table.ts'

const EVENTS = 'events --for=pod/{} --no-headers'
const HEALTH = `const s = require('node:http2').createServer();
s.on('stream', (r, h) => { r.on('data', () => {}); r.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
r.on('wantTrailers', () => r.sendTrailers({ 'grpc-status': '0' })); r.end(Buffer.from([0, 0, 0, 0, 2, 8, h['user-agent'].startsWith('kube-probe/1.') ? 1 : 2])); });
s.listen(9000); process.on('SIGTERM', () => process.exit(0))`

const literal = (text: string) => new RegExp(`^${text.replaceAll(/[[\]]/g, '\\$&')}$`)

const restarts = (count: number) => (pod: Parameters<Row['until']>[0]) =>
  (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) >= count

const ROWS: readonly Row[] = [
  {
    name: 'post-start',
    spec: `restartPolicy: Never, containers: [{ ${shell('while [ ! -s /tmp/hook ]; do sleep 0.02; done; cat /tmp/hook', 'lifecycle: { postStart: { exec: { command: [/bin/sh, -c, "echo hooked >/tmp/hook"] } } }')} }]`,
    until: ended,
    shows: [['logs {}', /^hooked$/m]],
  },
  {
    name: 'post-start-fails',
    spec: `containers: [{ ${shell('trap "exit 0" TERM; while :; do sleep 0.1; done', 'lifecycle: { postStart: { exec: { command: [/bin/false] } } }')} }]`,
    until: restarts(1),
    shows: [
      [EVENTS, /Warning\s+FailedPostStartHook\s+Pod\/post-start-fails\s+PostStartHook failed/],
      [EVENTS, /Normal\s+Killing\s+Pod\/post-start-fails\s+FailedPostStartHook/],
    ],
  },
  {
    name: 'grpc',
    spec: `containers: [{ ${program(HEALTH, 'readinessProbe: { grpc: { port: 9000, service: shop } }')} }]`,
    until: isReady,
    shows: [['get pod {} --no-headers', /1\/1\s+Running/]],
  },
  {
    name: 'grpc-not-serving',
    spec: `containers: [{ ${program(HEALTH, 'readinessProbe: { grpc: { port: 9000, service: bank }, periodSeconds: 1, failureThreshold: 1 }').replace('? 1 : 2', '? 2 : 1')} }]`,
    until: ({ status }) => status?.phase === 'Running',
    shows: [
      [
        EVENTS,
        /Warning\s+Unhealthy\s+Pod\/grpc-not-serving\s+Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)/,
      ],
      ['get pod {} --no-headers', /0\/1\s+Running/],
    ],
  },
  {
    name: 'grpc-missing',
    spec: `containers: [{ ${shell('sleep 1000', 'readinessProbe: { grpc: { port: 9001 }, periodSeconds: 1, failureThreshold: 1 }')} }]`,
    until: ({ status }) => status?.phase === 'Running',
    shows: [['get pod {} --no-headers', /0\/1\s+Running/]],
  },
  {
    name: 'bad-port-name',
    spec: `containers: [{ ${shell('sleep 1000', 'livenessProbe: { httpGet: { port: web }, periodSeconds: 1, failureThreshold: 1 }')} }]`,
    until: isReady,
    shows: [
      [EVENTS, /Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "web": invalid syntax/],
    ],
  },
  {
    name: 'sidecar',
    spec: `restartPolicy: Never, terminationGracePeriodSeconds: 5, volumes: [{ name: v, emptyDir: {} }],
initContainers: [
 { name: side, image: fairlead/client, restartPolicy: Always, command: [/bin/sh, -c, "echo up >/v/side; trap 'echo ended >>/v/log; exit 0' TERM; while :; do sleep 0.05; done"], startupProbe: { exec: { command: [/bin/cat, /v/side] }, periodSeconds: 1 }, volumeMounts: [{ name: v, mountPath: /v }] },
 { name: next, image: fairlead/client, command: [/bin/cat, /v/side], volumeMounts: [{ name: v, mountPath: /v }] }],
containers: [{ ${shell('cat /v/side', 'volumeMounts: [{ name: v, mountPath: /v }]')} }]`,
    until: ended,
    shows: [
      ['get pod {} --no-headers', /Completed/],
      [
        'get pod {} -o jsonpath={.status.phase}/{.status.initContainerStatuses[0].state.terminated.exitCode}',
        /^Succeeded\/0$/,
      ],
    ],
  },
  {
    name: 'last-words',
    spec: `restartPolicy: Never, containers: [{ ${shell('echo -n my end >/dev/termination-log; exit 3')} }]`,
    until: ended,
    shows: [['get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated}', /"message":"my end".*/]],
  },
  {
    name: 'last-log',
    spec: `restartPolicy: Never, containers: [{ ${shell('echo from the log; exit 3', 'terminationMessagePolicy: FallbackToLogsOnError')} }]`,
    until: ended,
    shows: [['get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated.message}', /^from the log\n$/]],
  },
  {
    name: 'api-client',
    spec: `restartPolicy: Never, containers: [{ ${shell('A=/var/run/secrets/kubernetes.io/serviceaccount; curl -s -o /dev/null -w "%{http_code} $(cat $A/namespace)" --cacert $A/ca.crt -H "Authorization: Bearer $(cat $A/token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/default/pods; curl -s --cacert $A/ca.crt -H "Authorization: Bearer $(cat $A/token)" https://$KUBERNETES_SERVICE_HOST/api/v1/namespaces/default/pods')} }]`,
    until: ended,
    shows: [['logs {}', /^403 default\{[\s\S]*User \\"system:serviceaccount:default:default\\" cannot list/]],
  },
  {
    name: 'no-token',
    spec: `automountServiceAccountToken: false, restartPolicy: Never, containers: [{ ${shell('ls /var/run/secrets 2>&1; env | grep -c _SERVICE_HOST')} }]`,
    until: ended,
    shows: [['logs {}', /No such file or directory\n[1-9]\d*\n$/]],
  },
  {
    name: 'volumes',
    labels: 'app: volumes',
    spec: `restartPolicy: Never, securityContext: { runAsUser: 1000, fsGroup: 2000 }, volumes: [
{ name: all, projected: { defaultMode: 288, sources: [{ configMap: { name: settings } }, { secret: { name: hidden, items: [{ key: s, path: in/s }] } }, { downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }, { path: cpu, resourceFieldRef: { containerName: main, resource: limits.cpu, divisor: 1m } }] } }] } },
{ name: none, configMap: { name: nowhere, optional: true } }, { name: work, emptyDir: { medium: Memory } }],
containers: [{ ${shell('cd /all; cat a in/s labels cpu; ls /none | wc -l; ls -ldn /work | cut -c1-10; echo $POD > /sub/x; ls -n /sub/x | cut -d" " -f3,4; touch /all/new 2>&1 | grep -o Read-only.*; stat -Lc %a-%g a', 'resources: { limits: { cpu: 250m } }, env: [{ name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }], volumeMounts: [{ name: all, mountPath: /all }, { name: none, mountPath: /none }, { name: work, mountPath: /work }, { name: work, mountPath: /sub, subPathExpr: $(POD) }]')} }]`,
    until: ended,
    shows: [['logs {}', /^1hiddenapp="volumes"2500\ndrwxrwsrwx\n1000 2000\nRead-only file system\n440-2000\n$/]],
  },
  {
    name: 'memory-volume',
    spec: `restartPolicy: OnFailure, volumes: [{ name: m, emptyDir: { medium: Memory, sizeLimit: 64Ki } }], containers: [
{ ${shell('[ -e /m/x ] || { echo kept >/m/x; exit 1; }; cat /m/x; head -c 100k /dev/zero 2>/dev/null >/m/y || echo full; grep -o "/m tmpfs.*size=64k" /proc/mounts | cut -d, -f1; touch /m/done', 'volumeMounts: [{ name: m, mountPath: /m }]')} },
{ name: other, image: fairlead/client, command: [/bin/sh, -c, "until [ -e /s/done ]; do sleep 0.05; done; cat /s/x"], volumeMounts: [{ name: m, mountPath: /s }] }]`,
    until: ended,
    shows: [
      ['logs {} -c main', /^kept\nfull\n\/m tmpfs rw\n$/],
      ['logs {} -c other', /^kept\n$/],
    ],
  },
  {
    name: 'shared-processes',
    spec: `shareProcessNamespace: true, restartPolicy: Never, containers: [
{ ${shell('exec 2>/dev/null; sleep 1001; echo ended with $?')} },
{ name: other, image: fairlead/client, command: [/bin/sh, -c, "until pkill -x -f 'sleep 1001'; do sleep 0.05; done; tr '\\\\0' ' ' </proc/1/cmdline | grep -o fairlead-pod"] }]`,
    until: ended,
    shows: [
      ['logs {} -c main', /^ended with 143\n$/],
      ['logs {} -c other', /^fairlead-pod\n$/],
    ],
  },
  {
    name: 'shared-ipc',
    spec: `restartPolicy: Never, containers: [
{ ${shell('ipcmk -Q >/dev/null; echo shared >/dev/shm/x; until [ -e /dev/shm/seen ]; do sleep 0.05; done; df -k --output=size /dev/shm | tail -1')} },
{ name: other, image: fairlead/client, command: [/bin/sh, -c, "until [ -s /dev/shm/x ]; do sleep 0.05; done; cat /dev/shm/x; ipcs -q | grep -c ^0x; stat -c %a /dev/shm; touch /dev/shm/seen"] }]`,
    until: ended,
    shows: [
      ['logs {} -c main', /^ *65536\n$/],
      ['logs {} -c other', /^shared\n1\n1777\n$/],
    ],
  },
  {
    name: 'host-processes',
    spec: `hostPID: true, hostIPC: true, restartPolicy: Never, containers: [{ ${shell('readlink /proc/self/ns/pid /proc/self/ns/ipc')} }]`,
    until: ended,
    shows: [['logs {}', literal(`${readlinkSync('/proc/self/ns/pid')}\n${readlinkSync('/proc/self/ns/ipc')}\n`)]],
  },
  {
    name: 'host-path-type',
    spec: `volumes: [{ name: v, hostPath: { path: /etc/passwd, type: Directory } }], containers: [{ ${shell('true', 'volumeMounts: [{ name: v, mountPath: /v }]')} }]`,
    until: ({ status }) => status?.podIP !== undefined,
    shows: [['get pod {} --no-headers', /ContainerCreating/]],
  },
  {
    name: 'security',
    spec: `restartPolicy: Never, containers: [{ ${shell('touch /x 2>&1 | grep -o Read-only.*; grep -E "^(CapBnd|NoNewPrivs)" /proc/self/status; id -u; id -G', 'securityContext: { runAsUser: 7, runAsGroup: 8, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }')} }]`,
    until: ended,
    shows: [['logs {}', /^Read-only file system\nCapBnd:\s+0000000000000400\nNoNewPrivs:\s+1\n7\n8\n$/]],
  },
  {
    name: 'privileged',
    spec: `restartPolicy: Never, containers: [{ ${shell('echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward', 'securityContext: { privileged: true }')} }]`,
    until: ended,
    shows: [['logs {}', /^1\n$/]],
  },
  {
    name: 'stop-signal',
    spec: `os: { name: linux }, activeDeadlineSeconds: 2, containers: [{ ${shell('trap "echo usr1; exit 0" USR1; trap "echo term; exit 0" TERM; while :; do sleep 0.05; done', 'lifecycle: { stopSignal: SIGUSR1 }')} }]`,
    until: ({ status }) => status?.containerStatuses?.[0]?.state?.terminated !== undefined,
    shows: [['logs {}', /^usr1\n$/]],
  },
  {
    name: 'seccomp',
    spec: `restartPolicy: Never, securityContext: { seccompProfile: { type: RuntimeDefault } }, containers: [{ ${shell('grep ^Seccomp: /proc/self/status; unshare -U true 2>&1; unshare -n true 2>&1; echo $(/fairlead/node -p 1+1)')} }]`,
    until: ended,
    shows: [['logs {}', /^Seccomp:\s+2\n(unshare: unshare failed: Operation not permitted\n){2}2\n$/]],
  },
  {
    name: 'sysctl',
    spec: `restartPolicy: Never, securityContext: { sysctls: [{ name: net.ipv4.ip_local_port_range, value: "5000 6000" }] }, containers: [{ ${shell('cat /proc/sys/net/ipv4/ip_local_port_range')} }]`,
    until: ended,
    shows: [['logs {}', /^5000\s+6000\n$/]],
  },
  {
    name: 'unsafe-sysctl',
    spec: `securityContext: { sysctls: [{ name: kernel.msgmax, value: "65536" }] }, containers: [{ ${shell('true')} }]`,
    until: ended,
    shows: [
      [
        'get pod {} -o jsonpath={.status.reason}:{.status.message}',
        /^SysctlForbidden:Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted$/,
      ],
    ],
  },
  {
    name: 'names',
    spec: `restartPolicy: Never, hostname: db-0, subdomain: db, setHostnameAsFQDN: true, dnsPolicy: None, dnsConfig: { nameservers: [9.9.9.9], searches: [a.b], options: [{ name: ndots, value: "1" }] }, hostAliases: [{ ip: 1.2.3.4, hostnames: [x, y] }], containers: [{ ${shell('hostname; cat /etc/resolv.conf; tail -1 /etc/hosts; grep -c db-0.db.default.svc.cluster.local /etc/hosts')} }]`,
    until: ended,
    shows: [
      [
        'logs {}',
        /^db-0\.db\.default\.svc\.cluster\.local\nsearch a\.b\nnameserver 9\.9\.9\.9\noptions ndots:1\n1\.2\.3\.4\tx\ty\n1\n$/,
      ],
    ],
  },
  {
    name: 'host-network',
    spec: `hostNetwork: true, nodeName: node-1, dnsPolicy: ClusterFirstWithHostNet, restartPolicy: Never, containers: [{ ${shell('hostname; cat /etc/resolv.conf; head -1 /etc/hosts')} }]`,
    until: ended,
    shows: [
      [
        'logs {}',
        /^node-1\nsearch default\.svc\.cluster\.local svc\.cluster\.local cluster\.local.*\nnameserver 10\.96\.0\.10\noptions ndots:5\n# Kubernetes-managed hosts file \(host network\)\.\n$/,
      ],
      ['get pod {} -o jsonpath={.status.podIP}={.status.hostIP}', /^(192\.168\.\d+\.\d+)=\1$/],
    ],
  },
  {
    name: 'out-of-memory',
    spec: `restartPolicy: Never, containers: [{ ${shell('head -c 200m /dev/zero | tail -c 199m >/dev/null', 'resources: { limits: { memory: 30Mi, cpu: 500m } }')} }]`,
    until: ended,
    shows: [
      ['get pod {} --no-headers', /0\/1\s+OOMKilled/],
      ['get pod {} -o jsonpath={.status.phase}/{.status.qosClass}', /^Failed\/Guaranteed$/],
      ['get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated.exitCode}', /^137$/],
    ],
  },
  {
    // As much as the API server takes; with the cluster's own domains it is more than a resolver does.
    name: 'resolver-limits',
    spec: `dnsConfig: { nameservers: [192.0.2.1, 192.0.2.2], searches: [${Array.from({ length: 32 }, (_, i) => `s${i}${'x'.repeat(55)}.test`)}] }, restartPolicy: Never, containers: [{ ${shell('grep -c ^nameserver /etc/resolv.conf; grep -c s31xx /etc/resolv.conf')} }]`,
    until: ended,
    shows: [
      ['logs {}', /^3\n0\n$/],
      [
        EVENTS,
        /Warning\s+DNSConfigForming\s+Pod\/resolver-limits\s+Search Line limits were exceeded, some search paths have been omitted, the applied search line is: default\.svc\.cluster\.local svc\.cluster\.local cluster\.local (\S+ )*s0x+\.test /,
      ],
    ],
  },
  {
    name: 'evicted',
    spec: `volumes: [{ name: cache, emptyDir: { sizeLimit: 1Mi } }], containers: [{ ${shell('head -c 3m /dev/zero >/c/x; sleep 1000', 'volumeMounts: [{ name: cache, mountPath: /c }]')} }]`,
    until: ended,
    shows: [
      [
        'get pod {} -o jsonpath={.status.reason}:{.status.message}',
        /^Evicted:Usage of EmptyDir volume "cache" exceeds the limit "1Mi"\. $/,
      ],
      ['get pod {} -o jsonpath={.status.conditions[?(@.type=="DisruptionTarget")].reason}', /^TerminationByKubelet$/],
    ],
  },
  {
    name: 'deadline',
    spec: `activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1, containers: [{ ${shell('sleep 1000')} }]`,
    until: ended,
    shows: [
      ['get pod {} -o jsonpath={.status.reason}', /^DeadlineExceeded$/],
      ['get pod {} -o jsonpath={.status.message}', /^Pod was active on the node longer than the specified deadline$/],
    ],
  },
]

const INPUTS = `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings }, data: { a: "1" } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: hidden }, data: { s: aGlkZGVu } }`

describe('what pods do', { skip: unavailable, timeout: 180_000 }, () => {
  let cluster: PodCluster
  before(async () => {
    cluster = await PodCluster.start()
    await cluster.traffic.apply(INPUTS)
    await cluster.traffic.apply(ROWS.map(manifestOf).join('\n---\n'))
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  for (const row of ROWS) {
    test(row.name, async () => {
      await cluster.traffic.until(row.name, () => {
        const pod = cluster.traffic.watch.pod(row.name)
        return pod !== undefined && row.until(pod) ? pod : undefined
      })
      for (const show of row.shows) assert.match(await shown(cluster, row, show), show[1])
    })
  }

  test('preStop hooks run before SIGTERM, and the endpoint is terminating all that time', async () => {
    const { traffic } = cluster
    const hooks: Readonly<Record<string, string>> = {
      'by-exec': 'exec: { command: [/bin/sh, -c, "echo pre >>/v/log; sleep 0.5"] }',
      'by-http': 'httpGet: { port: 8080, path: /pre }',
      'by-sleep': 'sleep: { seconds: 1 }',
    }
    const server = `const fs = require('fs'); const say = (t) => fs.appendFileSync('/v/log', t + '\\n');
require('http').createServer((q, r) => { if (q.url === '/pre') say('pre ' + q.headers['user-agent']); r.end() }).listen(8080);
process.on('SIGTERM', () => { say('term'); process.exit(0) })`
    const mounts = 'volumeMounts: [{ name: v, mountPath: /v }]'
    for (const [name, hook] of Object.entries(hooks)) {
      await traffic.apply(
        manifestOf({
          name,
          labels: 'app: hooked',
          spec: `terminationGracePeriodSeconds: 10, volumes: [{ name: v, hostPath: { path: ${cluster.path(name)}, type: DirectoryOrCreate } }], containers: [{ ${program(server, `${mounts}, readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }, lifecycle: { preStop: { ${hook} } }`)} }]`,
          until: isReady,
          shows: [],
        }),
      )
    }
    await traffic.apply(
      `{ apiVersion: v1, kind: Service, metadata: { name: hooked }, spec: { selector: { app: hooked }, ports: [{ port: 80, targetPort: 8080 }] } }`,
    )
    await traffic.readyEndpoints('hooked', 3)
    const deleting = cluster.start(['delete', 'pod', ...Object.keys(hooks)])
    const conditions =
      '{range .items[*].endpoints[*]}{.conditions.ready}/{.conditions.serving}/{.conditions.terminating} {end}'
    await traffic.until('no ready endpoint', () => (traffic.watch.endpoints('hooked').length === 0 ? true : undefined))
    const slices = await cluster.show(
      'get',
      'endpointslice',
      '-l',
      'kubernetes.io/service-name=hooked',
      '-o',
      `jsonpath=${conditions}`,
    )
    assert.match(slices, /false\/true\/true/)
    assert.doesNotMatch(slices, /true\/true\/false/)
    assert.equal((await deleting.ended()).code, 0)
    const log = (name: string) => readFileSync(join(cluster.path(name), 'log'), 'utf8')
    assert.equal(log('by-exec'), 'pre\nterm\n')
    assert.match(log('by-http'), /^pre kube-lifecycle\/1\.\d+\nterm\n$/)
    assert.equal(log('by-sleep'), 'term\n')
  })

  test('the node says what its pods use, to those who may ask', async () => {
    const { traffic } = cluster
    await traffic.apply(
      manifestOf({
        name: 'used',
        spec: 'nodeName: node-1, containers: [{ name: main, image: fairlead/echo }]',
        until: isReady,
        shows: [],
      }),
    )
    await traffic.readyPod('used')
    const of = (path: string) => cluster.show('get', '--raw', `/api/v1/nodes/node-1/proxy/${path}`)
    const { node, pods } = JSON.parse(await of('stats/summary'))
    assert.equal(node.nodeName, 'node-1')
    const used = pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === 'used')
    assert.ok(used.containers[0].cpu.usageCoreNanoSeconds > 0)
    assert.ok(used.memory.workingSetBytes > 1e6 && used.network.rxBytes >= 0)
    assert.match(
      await of('metrics/resource'),
      /^container_memory_working_set_bytes\{container="main",namespace="default",pod="used"\} \d+ \d+$/m,
    )
    assert.match(await of('metrics'), /^kubelet_running_pods [1-9]/m)
    assert.equal(await of('healthz'), 'ok')
    assert.match(await of('logs/pods/'), /<a href="[-0-9a-f]+\/">/)
    assert.equal(JSON.parse(await of('configz')).kubeletconfig.kind, 'KubeletConfiguration')
    assert.match(
      await cluster.fail(
        'get',
        '--as=system:serviceaccount:default:default',
        '--raw',
        '/api/v1/nodes/node-1/proxy/metrics',
      ),
      /forbidden/,
    )
  })

  test('files of a pod follow its labels', async () => {
    const { traffic } = cluster
    const volumes =
      'volumes: [{ name: v, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }]'
    await traffic.apply(
      manifestOf({
        name: 'labelled',
        labels: 'a: one',
        spec: `terminationGracePeriodSeconds: 1, ${volumes}, containers: [{ ${shell('while ! grep two /v/labels; do sleep 0.05; done; sleep 100', 'volumeMounts: [{ name: v, mountPath: /v }]')} }]`,
        until: isReady,
        shows: [],
      }),
    )
    await traffic.readyPod('labelled')
    await cluster.show('label', 'pod', 'labelled', 'a=two', '--overwrite')
    const logs = cluster.start(['logs', '-f', 'labelled'])
    await logs.printed(/a="two"/)
    await cluster.show('delete', 'pod', 'labelled')
    await logs.ended()
  })

  test('host ports: by address and protocol, from outside, from pods, from the node; gone with the pod', async () => {
    const { traffic } = cluster
    const ports = (ip: string, extra: string) =>
      `ports: [{ containerPort: 8080, hostPort: 5080${ip === '' ? '' : `, hostIP: ${ip}`} }, { containerPort: 5353, hostPort: 5080, protocol: UDP${ip === '' ? '' : `, hostIP: ${ip}`} }]${extra}`
    const echo = (name: string, ip: string): Row => ({
      name,
      spec: `nodeName: node-1, terminationGracePeriodSeconds: 1, containers: [{ name: main, image: fairlead/echo, args: [--http=8080, --udp=5353], ${ports(ip, '')} }]`,
      until: isReady,
      shows: [],
    })
    const address = traffic.cluster.spec.nodes[0]?.address ?? ''
    const local = echo('port-local', '127.0.0.1')
    const wide = echo('port-wide', address)
    await traffic.apply([local, wide].map(manifestOf).join('\n---\n'))
    for (const { name } of [local, wide]) await traffic.readyPod(name)
    const asked = async (from: string, url: string) => {
      const at = from === 'internet' ? traffic.internet : traffic.node(from)
      return traffic.run(at, 'curl', ['-s', '--max-time', '3', '--retry', '3', '--retry-connrefused', url])
    }
    assert.match(await asked('node-2', `http://${address}:5080/`), /"pod":"port-wide".*"client":"192\.168\./)
    assert.match(await asked('node-1', `http://${address}:5080/`), /"pod":"port-wide"/)
    assert.match(await asked('node-1', 'http://127.0.0.1:5080/'), /"pod":"port-local"/)
    const inPod = (url: string) =>
      cluster.show('exec', 'port-wide', '--', '/usr/bin/curl', '-s', '--max-time', '3', url)
    assert.match(await inPod(`http://${address}:5080/`), /"pod":"port-wide"/)
    const say = `exec 3<>/dev/udp/${address}/5080; echo hi >&3; timeout 3 head -1 <&3`
    assert.match(await traffic.run(traffic.node('node-2'), 'bash', ['-c', say]), /"pod":"port-wide".*"data":"hi/)
    await cluster.show('delete', 'pod', 'port-wide', 'port-local')
    await assert.rejects(
      traffic.run(traffic.node('node-2'), 'curl', ['-s', '--max-time', '2', `http://${address}:5080/`]),
    )
  })

  test('a container is added to a pod that runs, sees its processes, and ends for good', async () => {
    const { traffic } = cluster
    const spec = `volumes: [{ name: m, emptyDir: { medium: Memory } }], containers: [{ ${shell('echo secret >/m/x; trap "exit 0" TERM; while :; do sleep 0.1; done', 'volumeMounts: [{ name: m, mountPath: /m }]')} }]`
    await traffic.apply(manifestOf({ name: 'watched', spec, until: isReady, shows: [] }))
    await traffic.readyPod('watched')
    const debug = ['debug', 'watched', '--image=fairlead/client', '--profile=general']
    const look = "tr '\\0' ' ' </proc/1/cmdline | grep -o 'while :'; exit 7"
    await cluster.show(...debug, '--target=main', '--container=look', '--', '/bin/sh', '-c', look)
    const statusOf = (at: number) => traffic.watch.pod('watched')?.status?.ephemeralContainerStatuses?.[at]
    const ended = await traffic.until('the added container to end', () => statusOf(0)?.state?.terminated)
    assert.deepEqual([ended.exitCode, ended.reason], [7, 'Error'])
    assert.equal(await cluster.show('logs', 'watched', '-c', 'look'), 'while :\n')
    // Typed in by a client that is attached at once; the end of what it types is not the end of the input.
    const asked = [...debug, '-i', '--quiet', '--container=talk', '--', '/usr/bin/head', '-1']
    assert.match((await cluster.run(asked, { stdin: 'typed\n' })).stdout, /^typed\n/m)
    await traffic.until('the other one to end', () => statusOf(1)?.state?.terminated)
    assert.match(await cluster.show('get', 'pod', 'watched', '--no-headers'), /^watched\s+1\/1\s+Running\s+0\s/)
    const events = await cluster.show('events', '--for=pod/watched', '--no-headers', '-o', 'json')
    assert.match(events, /"fieldPath": "spec\.ephemeralContainers\{look\}"/)
  })

  test('a pod that is deleted in its first moment hears SIGTERM', async () => {
    const { traffic } = cluster
    await traffic.apply(
      manifestOf({
        name: 'early',
        spec: 'terminationGracePeriodSeconds: 50, containers: [{ name: main, image: fairlead/echo }]',
        until: isReady,
        shows: [],
      }),
    )
    await traffic.until('early to start', () =>
      traffic.watch.pod('early')?.status?.podIP === undefined ? undefined : true,
    )
    // Were it killed at the end of its grace, kubectl would still wait at its own limit.
    const { code, stderr } = await cluster.run(['delete', 'pod', 'early', '--timeout=25s'])
    assert.deepEqual([code, stderr], [0, ''])
  })
})
