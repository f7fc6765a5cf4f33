import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/kube/types/core.ts'
import { unavailable } from '../kubectl/kubectl.ts'
import { PodCluster } from '../kubectl/pod-cluster.ts'
import { ended, isReady, manifestOf, program, type Row, shell, shown } from './pod-table.ts'

const SHARED = 'volumeMounts: [{ name: v, mountPath: /v }]'
const CONDITIONS = '{.conditions.ready}/{.conditions.serving}/{.conditions.terminating}'

/** Answers on a port of the pod, and ends with the first who asked. */
const ANSWER_ONCE = `require('node:net').createServer((s) => { s.end(require('node:fs').readFileSync('/v/word', 'utf8'), () => process.exit(0)) }).listen(4000, '127.0.0.1')`

const ROWS: readonly Row[] = [
  {
    name: 'shared',
    spec: `restartPolicy: Never, volumes: [{ name: v, emptyDir: {} }], containers: [
{ ${program(ANSWER_ONCE, SHARED)} },
{ ${shell('echo said >/v/word; until exec 3<>/dev/tcp/127.0.0.1/4000; do sleep 0.05; done 2>/dev/null; cat <&3', SHARED).replace('name: main', 'name: asks').replace('/bin/sh', '/bin/bash')} },
{ ${shell('until [ -e /v/word ]; do sleep 0.05; done; hostname; cat /etc/hosts | tail -1').replace('name: main', 'name: reads').replace('fairlead/client,', `fairlead/client, ${SHARED},`)} }]`,
    until: ended,
    shows: [
      ['get pod {} --no-headers', /0\/3\s+Completed/],
      ['logs {} -c asks', /^said\n$/],
      ['logs {} -c reads', /^shared\n\d+\.\d+\.\d+\.\d+\tshared\n$/],
    ],
  },
  {
    name: 'one-fails',
    spec: `restartPolicy: Never, containers: [{ ${shell('exit 4')} }, { ${shell('exit 0').replace('name: main', 'name: other')} }]`,
    until: ended,
    shows: [
      ['get pod {} --no-headers', /0\/2\s+Error/],
      [
        'get pod {} -o jsonpath={.status.phase}/{.status.containerStatuses[*].state.terminated.exitCode}',
        /^Failed\/4 0$/,
      ],
    ],
  },
]

describe('what pods do over time', { skip: unavailable, timeout: 180_000 }, () => {
  let cluster: PodCluster
  before(async () => {
    cluster = await PodCluster.start()
    await cluster.traffic.apply(ROWS.map(manifestOf).join('\n---\n'))
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const slicesOf = (service: string) =>
    cluster.show(
      ...['get', 'endpointslice', '-l', `kubernetes.io/service-name=${service}`],
      ...['-o', `jsonpath={range .items[*].endpoints[*]}${CONDITIONS} {end}`],
    )

  for (const row of ROWS) {
    test(row.name, async () => {
      await cluster.traffic.until(row.name, () => {
        const pod = cluster.traffic.watch.pod(row.name)
        return pod !== undefined && row.until(pod) ? pod : undefined
      })
      for (const show of row.shows) assert.match(await shown(cluster, row, show), show[1])
    })
  }

  test('a single answer of a readiness probe flips the endpoint, either way', async () => {
    const { traffic } = cluster
    // Once told to, no two answers in a row are the same: what needed two would never flip.
    const server = `let ok = true, turns = false;
require('node:http').createServer((q, r) => { if (q.url === '/turn') turns = true; else { if (turns) ok = !ok; r.statusCode = ok ? 200 : 503 }; r.end() }).listen(8080)`
    await traffic.apply(
      manifestOf({
        name: 'flips',
        labels: 'app: flips',
        spec: `terminationGracePeriodSeconds: 1, containers: [{ ${program(server, 'readinessProbe: { httpGet: { port: 8080, path: /ready }, periodSeconds: 1, failureThreshold: 1 }')} }]`,
        until: isReady,
        shows: [],
      }),
    )
    await traffic.apply(
      '{ apiVersion: v1, kind: Service, metadata: { name: flips }, spec: { selector: { app: flips }, ports: [{ port: 80, targetPort: 8080 }] } }',
    )
    await traffic.readyEndpoints('flips', 1)
    const at = traffic.pod(await traffic.readyPod('flips'))
    await traffic.run(at, 'curl', ['-s', 'http://127.0.0.1:8080/turn'])
    for (const count of [0, 1, 0, 1]) await traffic.readyEndpoints('flips', count)
    assert.match(await cluster.show('get', 'pod', 'flips', '--no-headers'), /Running\s+0\s/)
  })

  test('a pod that names its node itself is not taken on while another has the port there', async () => {
    const { traffic } = cluster
    const taking = (name: string) =>
      manifestOf({
        name,
        spec: `nodeName: node-1, terminationGracePeriodSeconds: 1, containers: [{ ${shell('sleep 1000', 'ports: [{ containerPort: 9, hostPort: 21017 }]')} }]`,
        until: isReady,
        shows: [],
      })
    await traffic.apply(taking('has-port'))
    await traffic.readyPod('has-port')
    await traffic.apply(taking('wants-port'))
    const refused = await traffic.until('the refusal', () => {
      const pod = traffic.watch.pod('wants-port')
      return pod !== undefined && ended(pod) ? pod : undefined
    })
    const { phase, reason, message } = refused.status ?? {}
    assert.deepEqual(
      { phase, reason, message },
      {
        phase: 'Failed',
        reason: 'NodePorts',
        message:
          "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      },
    )
    await cluster.show('delete', 'pod', 'has-port')
    await traffic.apply(taking('next-port'))
    await traffic.readyPod('next-port')
  })

  test('a readiness gate holds a pod and its endpoint back until someone says True', async () => {
    const { traffic } = cluster
    await traffic.apply(
      manifestOf({
        name: 'gated',
        labels: 'app: gated',
        spec: 'terminationGracePeriodSeconds: 1, readinessGates: [{ conditionType: example.com/fed }], containers: [{ name: main, image: fairlead/client }]',
        until: isReady,
        shows: [],
      }),
    )
    await traffic.apply(
      '{ apiVersion: v1, kind: Service, metadata: { name: gated }, spec: { selector: { app: gated }, ports: [{ port: 80 }] } }',
    )
    await traffic.until('its container to be ready', () =>
      conditionOf(traffic.watch.pod('gated'), 'ContainersReady') === 'True' ? true : undefined,
    )
    const ready = '{.status.conditions[?(@.type=="Ready")]}'
    const told = JSON.parse(await cluster.show('get', 'pod', 'gated', '-o', `jsonpath=${ready}`))
    assert.deepEqual(
      [told.status, told.reason, told.message],
      [
        'False',
        'ReadinessGatesNotReady',
        'corresponding condition of pod readiness gate "example.com/fed" does not exist.',
      ],
    )
    assert.match(await cluster.show('get', 'pod', 'gated', '-o', 'wide', '--no-headers'), /1\/1\s+Running.*\s0\/1\s*$/)
    const say = async (status: string) =>
      await cluster.show(
        ...['patch', 'pod', 'gated', '--subresource=status', '--type=strategic'],
        ...['-p', JSON.stringify({ status: { conditions: [{ type: 'example.com/fed', status }] } })],
      )
    assert.deepEqual(traffic.watch.endpoints('gated'), [])
    await say('True')
    await traffic.readyEndpoints('gated', 1)
    assert.match(await cluster.show('get', 'pod', 'gated', '-o', 'wide', '--no-headers'), /\s1\/1\s*$/)
    await say('False')
    await traffic.readyEndpoints('gated', 0)
    const message = await cluster.show('get', 'pod', 'gated', '-o', `jsonpath=${ready.replace(/}$/, '.message}')}`)
    assert.equal(message, 'the status of pod readiness gate "example.com/fed" is not "True", but False')
    assert.match(await slicesOf('gated'), /^false\/false\/false $/)
  })

  test('files from ConfigMaps and Secrets follow them; a subPath and the environment keep what they had', async () => {
    const { traffic } = cluster
    const inputs = (
      word: string,
    ) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: word }, data: { a: ${word} } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: word }, stringData: { s: ${word} } }`
    await traffic.apply(inputs('old'))
    const script =
      'while [ "$(cat /c/a /s/s)" != newnew ]; do sleep 0.05; done; echo "$(cat /c/a /s/s) $(cat /one) $A"; exec sleep 1000'
    await traffic.apply(
      manifestOf({
        name: 'follows',
        spec: `terminationGracePeriodSeconds: 0, volumes: [{ name: c, configMap: { name: word } }, { name: s, secret: { secretName: word } }], containers: [{ ${shell(script, 'env: [{ name: A, valueFrom: { configMapKeyRef: { name: word, key: a } } }], volumeMounts: [{ name: c, mountPath: /c }, { name: s, mountPath: /s }, { name: c, mountPath: /one, subPath: a }]')} }]`,
        until: isReady,
        shows: [],
      }),
    )
    await traffic.readyPod('follows')
    await traffic.apply(inputs('new'))
    // Any change of the pod has its files looked at, before the next round would.
    await cluster.show('annotate', 'pod', 'follows', 'looked=at')
    const logs = cluster.start(['logs', '-f', 'follows'])
    await logs.printed(/^newnew old old$/m)
    await cluster.show('delete', 'pod', 'follows')
    await logs.ended()
  })

  test('drain: what nobody would replace is refused, a budget is kept to, and pods go elsewhere', async () => {
    const { traffic } = cluster
    await traffic.apply(DRAINED)
    await cluster.show('rollout', 'status', 'deploy/drained', '--timeout=50s')
    await cluster.show('rollout', 'status', 'ds/everywhere', '--timeout=50s')
    await traffic.readyPod('alone')
    await cluster.show('wait', '--for=jsonpath={.status.disruptionsAllowed}=1', 'pdb/drained', '--timeout=30s')
    const drain = ['drain', 'node-1', '--ignore-daemonsets', '--pod-selector=drill']
    assert.match(await cluster.fail(...drain), /cannot delete .*Pods that declare no controller.*default\/alone/)
    let fewest = Number.POSITIVE_INFINITY
    const moved = () => {
      const all = traffic.watch.pods().filter(({ metadata }) => metadata.labels?.app === 'drained')
      fewest = Math.min(fewest, all.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp).length)
      return all.length === 3 && all.every((pod) => isReady(pod) && pod.spec.nodeName === 'node-2') ? true : undefined
    }
    const moving = traffic.until('all pods on the other node', moved)
    const said = await cluster.show(...drain, '--force', '--timeout=50s')
    assert.match(said, /^node\/node-1 drained$/m)
    assert.match(said, /^pod\/alone evicted$/m)
    await moving
    assert.ok(fewest >= 2, `${fewest} of 3 were ready at one moment, the budget says 2`)
    assert.equal(traffic.watch.pod('alone'), undefined)
    const daemons = await cluster.show(
      'get',
      'pods',
      '-l',
      'app=everywhere',
      '-o',
      'jsonpath={.items[*].spec.nodeName}',
    )
    assert.deepEqual(daemons.split(' ').sort(), ['node-1', 'node-2'])
    assert.match(await cluster.show('get', 'node', 'node-1', '--no-headers'), /Ready,SchedulingDisabled/)
    await cluster.show('uncordon', 'node-1')
  })
})

const TEMPLATE = (app: string) =>
  `{ metadata: { labels: { app: ${app}, drill: "yes" } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: main, image: fairlead/client }] } }`

const DRAINED = `
{ apiVersion: apps/v1, kind: Deployment, metadata: { name: drained }, spec: { replicas: 3, selector: { matchLabels: { app: drained } }, template: ${TEMPLATE('drained')} } }
---
{ apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: { name: drained }, spec: { minAvailable: 2, selector: { matchLabels: { app: drained } } } }
---
{ apiVersion: apps/v1, kind: DaemonSet, metadata: { name: everywhere }, spec: { selector: { matchLabels: { app: everywhere } }, template: ${TEMPLATE('everywhere')} } }
---
{ apiVersion: v1, kind: Pod, metadata: { name: alone, labels: { drill: "yes" } }, spec: { nodeName: node-1, terminationGracePeriodSeconds: 1, containers: [{ name: main, image: fairlead/client }] } }`

function conditionOf(pod: Pod | undefined, type: string): string | undefined {
  return pod?.status?.conditions?.find((condition) => condition.type === type)?.status
}
