import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { poll } from '../cluster/poll.ts'
import { PodCluster } from '../kubectl/pod-cluster.ts'

const unavailable: string | false =
  process.getuid?.() !== 0
    ? 'makes namespaces: needs root'
    : spawnSync('kubectl', ['version', '--client']).status === 0
      ? false
      : 'kubectl is not installed'

/** Three replicas with names of their own, as a database has them. */
const CLICKHOUSE = `apiVersion: v1
kind: Service
metadata: {name: chi}
spec: {clusterIP: None, selector: {app: chi}, ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: chi}
spec:
  serviceName: chi
  replicas: 3
  selector: {matchLabels: {app: chi}}
  template:
    metadata: {labels: {app: chi}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{key: maintenance, operator: Exists, effect: NoExecute, tolerationSeconds: 1}]
      containers:
      - name: echo
        image: fairlead/echo
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
`

/** Services that lead to nobody, each for a reason of its own. */
const MISTAKES = `apiVersion: v1
kind: Service
metadata: {name: misspelt}
spec: {selector: {app: chj}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: misnamed}
spec: {selector: {app: chi}, ports: [{port: 80, targetPort: htp}]}
---
apiVersion: v1
kind: Service
metadata: {name: deaf}
spec: {selector: {app: deaf}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: deaf, labels: {app: deaf}}
spec:
  # It stays where it is when its node is tainted.
  tolerations: [{operator: Exists}]
  containers: [{name: main, image: example.invalid/none:1}]
---
apiVersion: v1
kind: Service
metadata: {name: endless}
spec: {type: ExternalName, externalName: endless.default.svc.cluster.local}
`

/** Name of a Service, and what `kubectl describe` says of it. */
const TOLD: readonly (readonly [string, RegExp])[] = [
  ['misspelt', /Warning +NoPodsMatch .*has the labels app=chj .*the closest is pod chi-\d with app=chi: set spec/],
  [
    'misnamed',
    /Warning +TargetPortNotFound .*"htp" of Service default\/misnamed is the name of no TCP port .*http \(8080\)/,
  ],
  [
    'deaf',
    /Warning +PodsNotReady .*The only pod of Service default\/deaf is not ready: container main waits: (ErrImagePull|ImagePullBackOff)/,
  ],
  ['endless', /Warning +ExternalNameLoop .*leads to itself/],
]

const CUSTOM = `apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: outside}
subsets: [{addresses: [{ip: 192.0.2.10}], ports: [{port: 8080}]}]
`

const PARTS = `apiVersion: batch/v1
kind: Job
metadata: {name: parts}
spec:
  completionMode: Indexed
  completions: 3
  parallelism: 3
  backoffLimitPerIndex: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: fairlead/client, command: [/bin/sh, -c, '[ "$JOB_COMPLETION_INDEX" != 1 ]']}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: long}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: fairlead/client, command: [/bin/sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']}]
`

const SHOP = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  progressDeadlineSeconds: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: fairlead/client}]}
`

const PODS = ['get', 'pods', '-l', 'app=chi', '--sort-by=.metadata.name']
const PLACES = '{range .items[*]}{.metadata.name}={.spec.nodeName}{" "}{end}'

test('kubectl with StatefulSets, taints and custom Endpoints', { skip: unavailable, timeout: 120_000 }, async (t) => {
  await using cluster = await PodCluster.start()
  const { stderr } = await cluster.run(['apply', '-f', '-'], { stdin: CLICKHOUSE })
  assert.equal(stderr, '')
  await cluster.show('rollout', 'status', 'sts/chi', '--timeout=30s')
  // What is wrong with them is told after a while: it is looked at last.
  assert.equal((await cluster.run(['apply', '-f', '-'], { stdin: MISTAKES })).stderr, '')

  await t.test('three replicas have their names in the slice of the headless Service', async () => {
    const path = 'jsonpath={range .items[*].endpoints[*]}{.hostname}:{.conditions.ready} {end}'
    const slices = ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=chi', '-o', path]
    const endpoints = (await cluster.show(...slices)).trim().split(' ').sort()
    assert.deepEqual(endpoints, ['chi-0:true', 'chi-1:true', 'chi-2:true'])
  })

  await t.test('rollout history and undo', async () => {
    await cluster.show('set', 'env', 'sts/chi', 'MODE=new')
    await cluster.show('rollout', 'status', 'sts/chi', '--timeout=30s')
    const history = await cluster.show('rollout', 'history', 'sts/chi')
    assert.match(history, /^statefulset\.apps\/chi \nREVISION {2}CHANGE-CAUSE\n1 {9}<none>\n2 {9}<none>\n/)
    await cluster.show('rollout', 'undo', 'sts/chi')
    await cluster.show('rollout', 'status', 'sts/chi', '--timeout=30s')
    const variables = await cluster.show(...PODS, '-o', 'jsonpath={.items[*].spec.containers[0].env}')
    assert.equal(variables.trim(), '')
    assert.match(await cluster.show('rollout', 'history', 'sts/chi'), /\n2 {9}<none>\n3 {9}<none>\n/)
  })

  await t.test('a NoExecute taint moves pods when their toleration is over, and says so', async () => {
    const before = await cluster.show(...PODS, '-o', `jsonpath=${PLACES}`)
    const [node = ''] = /[^= ]+(?= )/.exec(before.slice(before.indexOf('=') + 1)) ?? []
    // What tolerates the taint for a time could come back to the node.
    await cluster.show('cordon', node)
    await cluster.show('taint', 'node', node, 'maintenance=now:NoExecute')
    await poll(`three pods, none on ${node}`, async () => {
      const places = (await cluster.show(...PODS, '-o', `jsonpath=${PLACES}`)).trim().split(' ')
      const moved = places.every((place) => !place.endsWith(`=${node}`) && !place.endsWith('='))
      return places.length === 3 && moved ? places : undefined
    })
    await cluster.show('wait', '--for=jsonpath={.status.readyReplicas}=3', 'sts/chi', '--timeout=30s')
    const events = await cluster.show('get', 'events', '--field-selector', 'reason=TaintManagerEviction')
    assert.match(events, /Marking for deletion Pod default\/chi-0/)
    await cluster.show('taint', 'node', node, 'maintenance-')
  })

  await t.test(
    'a rollout that is stuck, paused, taken back and done says so in kubectl and in its conditions',
    async () => {
      const progressing = async (part: string) =>
        await cluster.show(
          'get',
          'deploy/shop',
          '-o',
          `jsonpath={.status.conditions[?(@.type=="Progressing")].${part}}`,
        )
      const reached = async (reason: string) =>
        await cluster.show(
          ...['wait', '--timeout=30s', 'deploy/shop'],
          `--for=jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=${reason}`,
        )
      assert.equal((await cluster.run(['apply', '-f', '-'], { stdin: SHOP })).stderr, '')
      assert.match(
        await cluster.show('rollout', 'status', 'deploy/shop'),
        /^deployment "shop" successfully rolled out$/m,
      )
      assert.match(await progressing('message'), /^ReplicaSet "shop-\w+" has successfully progressed\.$/)
      await cluster.show('set', 'image', 'deploy/shop', 'main=example.invalid/none:1')
      assert.match(
        await cluster.fail('rollout', 'status', 'deploy/shop'),
        /deployment "shop" exceeded its progress deadline$/,
      )
      assert.equal(await progressing('status'), 'False')
      assert.match(await progressing('message'), /^ReplicaSet "shop-\w+" has timed out progressing\.$/)
      await cluster.show('rollout', 'undo', 'deploy/shop')
      await reached('NewReplicaSetAvailable')
      await cluster.show('rollout', 'pause', 'deploy/shop')
      await reached('DeploymentPaused')
      assert.equal(await progressing('message'), 'Deployment is paused')
      await cluster.show('rollout', 'resume', 'deploy/shop')
      await reached('NewReplicaSetAvailable')
      const available =
        '{.status.conditions[?(@.type=="Available")].reason}:{.status.conditions[?(@.type=="Available")].message}'
      assert.equal(
        await cluster.show('get', 'deploy/shop', '-o', `jsonpath=${available}`),
        'MinimumReplicasAvailable:Deployment has minimum availability.',
      )
    },
  )

  await t.test('a Job gives an index up, and pods of Jobs go with them', async () => {
    await cluster.run(['apply', '-f', '-'], { stdin: PARTS })
    await cluster.show('wait', 'job/parts', '--for=condition=Failed', '--timeout=30s')
    const { status } = JSON.parse(await cluster.show('get', 'job', 'parts', '-o', 'json'))
    const { completedIndexes, failedIndexes, succeeded, failed, uncountedTerminatedPods } = status
    assert.deepEqual([completedIndexes, failedIndexes, succeeded, failed], ['0,2', '1', 2, 1])
    assert.deepEqual(uncountedTerminatedPods, {})
    await cluster.show('wait', 'job/long', '--for=jsonpath={.status.ready}=1', '--timeout=20s')
    // Deleted by someone, its pod ends on the node first; another takes its place at once.
    await cluster.show('delete', 'pod', '-l', 'job-name=long', '--timeout=20s')
    await cluster.show('wait', 'job/long', '--for=jsonpath={.status.failed}=1', '--timeout=20s')
    await cluster.show('wait', 'job/long', '--for=jsonpath={.status.ready}=1', '--timeout=20s')
    await cluster.show('delete', 'job', 'parts', 'long', '--cascade=foreground', '--timeout=20s')
    assert.equal(await cluster.show('get', 'pods', '-l', 'job-name', '-o', 'name'), '')
  })

  await t.test('Endpoints that someone writes get a slice', async () => {
    await cluster.run(['apply', '-f', '-'], { stdin: CUSTOM })
    const selector = 'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io'
    await cluster.show('wait', '--for=create', 'endpointslices', '-l', selector, '--timeout=10s')
    const path = 'jsonpath={.items[0].endpoints[0].addresses[0]}:{.items[0].ports[0].port}'
    assert.equal(await cluster.show('get', 'endpointslices', '-l', selector, '-o', path), '192.0.2.10:8080')
  })

  await t.test('why a Service leads to nobody is in its description', async () => {
    for (const [name, expected] of TOLD) {
      const told = await poll(`an Event of Service ${name}`, async () => {
        const text = await cluster.show('describe', 'service', name)
        return text.includes('service-diagnosis-controller') ? text : undefined
      })
      assert.match(told, expected)
    }
  })

  await t.test('and in conditions, which kubectl waits for and shows, in a column of its own too', async () => {
    const REASON = '--for=jsonpath={.status.conditions[?(@.type=="fairlead.dev/EndpointsReady")].reason}'
    await cluster.show('wait', 'svc/misspelt', `${REASON}=NoPodsMatch`, '--timeout=30s')
    await cluster.show('wait', 'svc/deaf', `${REASON}=PodsNotReady`, '--timeout=30s')
    await cluster.show('wait', 'svc/endless', '--for=condition=fairlead.dev/NameResolved=false', '--timeout=30s')
    const lines = (await cluster.show('get', 'svc', '-o', 'wide')).trimEnd().split('\n')
    const row = (name: string) => lines.find((line) => line.startsWith(`${name} `)) ?? ''
    assert.match(lines[0] ?? '', /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR +REASON$/)
    assert.match(row('misspelt'), / app=chj +NoPodsMatch: No pod in namespace default has the labels app=chj /)
    assert.match(row('kubernetes'), / <none> +<none>$/)
    const WIDE = /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR\n/
    assert.match(await cluster.show('get', 'svc', 'kubernetes', '-o', 'wide'), WIDE, "without a reason, upstream's")
    assert.match(await cluster.show('get', 'svc'), /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\n/)
    assert.match(await cluster.show('describe', 'svc', 'misspelt'), /^Name: +misspelt\n/)
    await cluster.show('patch', 'svc', 'misspelt', '-p', '{"spec":{"selector":{"app":"chi"}}}')
    await cluster.show('wait', 'svc/misspelt', '--for=condition=fairlead.dev/EndpointsReady', '--timeout=30s')
    assert.match(await cluster.show('get', 'svc', 'misspelt', '-o', 'wide'), WIDE)
  })
})
