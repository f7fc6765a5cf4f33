import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, unavailable } from './kubectl.ts'

const WORKLOADS = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      nodeSelector: {disk: ssd}
      containers: [{name: c, image: agent:1}]
---
apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: c, image: old:1}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: agent}
spec: {minAvailable: 50%, selector: {matchLabels: {app: agent}}}
`

test('workloads that run everywhere, to an end, or as before', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const path = kubectl.manifest('workloads.yaml', WORKLOADS)
  assert.equal(
    await kubectl.show(`apply -f ${path}`),
    [
      'daemonset.apps/agent created',
      'replicationcontroller/old created',
      'cronjob.batch/nightly created',
      'poddisruptionbudget.policy/agent created',
    ].join('\n'),
  )
  assert.equal(
    await kubectl.show(`apply -f ${path} --server-side --dry-run=server --force-conflicts -o name`),
    [
      'daemonset.apps/agent',
      'replicationcontroller/old',
      'cronjob.batch/nightly',
      'poddisruptionbudget.policy/agent',
    ].join('\n'),
  )
  assert.equal(
    await kubectl.show('get ds -o wide'),
    'NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE CONTAINERS IMAGES SELECTOR\nagent 0 0 0 0 0 disk=ssd AGE c agent:1 app=agent',
  )
  assert.equal(await kubectl.show('scale rc old --replicas=3'), 'replicationcontroller/old scaled')
  assert.equal(await kubectl.show('get rc'), 'NAME DESIRED CURRENT READY AGE\nold 3 0 0 AGE')
  assert.equal(await kubectl.show('create job once --image=busybox -- true'), 'job.batch/once created')
  assert.equal(await kubectl.show('create job again --from=cronjob/nightly'), 'job.batch/again created')
  assert.equal(
    await kubectl.show('get job,cronjob'),
    [
      'NAME STATUS COMPLETIONS DURATION AGE',
      'job.batch/again Running 0/1 AGE',
      'job.batch/once Running 0/1 AGE',
      '',
      'NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE',
      'cronjob.batch/nightly 0 3 * * * <none> False 0 <none> AGE',
    ].join('\n'),
  )
  assert.match(await kubectl.show('describe job once'), /^Completion Mode: NonIndexed$/m)
  assert.match(await kubectl.show('describe ds agent'), /^Desired Number of Nodes Scheduled: 0$/m)
  assert.equal(
    await kubectl.show('get pdb'),
    'NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE\nagent 50% N/A 0 AGE',
  )
  assert.match(await kubectl.show('explain daemonset.spec.updateStrategy.rollingUpdate'), /maxSurge/)
  assert.match(
    await kubectl.fail('patch job once -p {"spec":{"completions":3}}'),
    /spec\.completions: Invalid value: 3: field is immutable/,
  )
  assert.match(await kubectl.show('delete job once again'), /^job\.batch "once" deleted.*\njob\.batch "again" deleted/)
})

const NETWORKING = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: edge
  annotations: {ingressclass.kubernetes.io/is-default-class: "true"}
spec: {controller: example.com/edge}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: quiet}
spec:
  podSelector: {matchLabels: {app: web}}
  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 53, protocol: UDP}]}]
`

test('Ingresses with their classes, network policies', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const path = kubectl.manifest('networking.yaml', NETWORKING)
  await kubectl.show(`apply -f ${path}`)
  assert.equal(
    await kubectl.show('create ingress web --rule=web.example.com/*=web:80,tls=cert --rule=/x=other:http'),
    'ingress.networking.k8s.io/web created',
  )
  assert.equal(
    await kubectl.show('get ing,ingressclass,netpol'),
    [
      'NAME CLASS HOSTS ADDRESS PORTS AGE',
      'ingress.networking.k8s.io/web edge web.example.com 80, 443 AGE',
      '',
      'NAME CONTROLLER PARAMETERS AGE',
      'ingressclass.networking.k8s.io/edge example.com/edge <none> AGE',
      '',
      'NAME POD-SELECTOR AGE',
      'networkpolicy.networking.k8s.io/quiet app=web AGE',
    ].join('\n'),
  )
  assert.match(await kubectl.show('describe ing web'), /^Ingress Class: edge$/m)
  assert.match(await kubectl.show('describe netpol quiet'), /^ *Policy Types: Ingress, Egress$/m)
  assert.match(
    await kubectl.fail(
      'patch ing web --type=json -p [{"op":"replace","path":"/spec/rules/0/http/paths/0/path","value":"x"}]',
    ),
    /spec\.rules\[0\]\.http\.paths\[0\]\.path: Invalid value: "x": must be an absolute path/,
  )
})

test('Events are the same under both names', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web.1', namespace: 'default' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'web', apiVersion: 'v1' },
    reason: 'Started',
    message: 'Started it',
    type: 'Normal',
    count: 2,
    lastTimestamp: '2026-01-01T00:00:00Z',
    source: { component: 'kubelet', host: 'n1' },
  }
  await kubectl.show('apply -f -', JSON.stringify(event))
  const named = JSON.parse((await kubectl.run('get events.events.k8s.io web.1 -o json')).stdout)
  assert.deepEqual(
    [named.apiVersion, named.note, named.regarding.name, named.deprecatedCount, named.involvedObject],
    ['events.k8s.io/v1', 'Started it', 'web', 2, undefined],
  )
  assert.match(
    await kubectl.show('get events.events.k8s.io --field-selector regarding.name=web --no-headers'),
    /Normal Started pod\/web Started it$/,
  )
  await kubectl.show('annotate events.events.k8s.io web.1 seen=yes')
  const core = JSON.parse((await kubectl.run('get events web.1 -o json')).stdout)
  assert.deepEqual([core.metadata.annotations.seen, core.message, core.apiVersion], ['yes', 'Started it', 'v1'])
  assert.match(await kubectl.show('delete events.events.k8s.io web.1'), /^event\.events\.k8s\.io "web\.1" deleted/)
  assert.equal(await kubectl.show('get events -o name'), '')
})
