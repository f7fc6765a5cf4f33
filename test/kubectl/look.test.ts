import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, unavailable } from './kubectl.ts'

test('the server tells what it is and what it has', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  assert.match(await kubectl.show('version'), /Server Version: v1\.36\.0\+fairlead/)
  assert.match(await kubectl.show('cluster-info'), /Kubernetes control plane is running at/)
  const resources = await kubectl.show('api-resources --no-headers -o wide')
  assert.match(
    resources,
    /^services svc v1 true Service create,delete,deletecollection,get,list,patch,update,watch all$/m,
  )
  assert.match(resources, /^endpointslices discovery.k8s.io\/v1 true EndpointSlice /m)
  assert.match(await kubectl.show('api-versions'), /^networking.k8s.io\/v1$/m)
  assert.equal(await kubectl.show('auth can-i create pods'), 'yes')
  assert.match(await kubectl.show('auth whoami'), /Username kubernetes-admin/)
  assert.equal(await kubectl.show('get --raw /readyz'), 'ok')
})

test('every form of output', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await kubectl.show('create deploy web --image=nginx')
  await kubectl.show('run one --image=nginx:1')
  assert.equal(
    await kubectl.show('get deploy,pod'),
    [
      'NAME READY UP-TO-DATE AVAILABLE AGE',
      'deployment.apps/web 0/1 0 0 AGE',
      '',
      'NAME READY STATUS RESTARTS AGE',
      'pod/one 0/1 Pending 0 AGE',
    ].join('\n'),
  )
  assert.equal(await kubectl.show('get deploy -o wide --no-headers'), 'web 0/1 0 0 AGE nginx nginx app=web')
  assert.equal(await kubectl.show('get po -o wide --no-headers'), 'one 0/1 Pending 0 AGE <none> <none> <none> <none>')
  assert.equal(await kubectl.show('get all -o name'), 'pod/one\nservice/kubernetes\ndeployment.apps/web')
  assert.equal(
    await kubectl.show("get po -o 'custom-columns=N:.metadata.name,I:.spec.containers[0].image'"),
    'N I\none nginx:1',
  )
  assert.equal(JSON.parse((await kubectl.run('get po one -o json')).stdout).kind, 'Pod')
  assert.match(await kubectl.show('get ns default -o yaml'), /^apiVersion: v1\nkind: Namespace\nmetadata:\n/)
  assert.equal(await kubectl.show('get po -l run=one -o name'), 'pod/one')
  assert.equal(await kubectl.show('get po --field-selector status.phase=Pending -o name'), 'pod/one')
  assert.equal(
    await kubectl.show('get ns --chunk-size=1 -o name'),
    'namespace/default\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system',
  )
  assert.equal(await kubectl.show('get po --show-labels --no-headers'), 'one 0/1 Pending 0 AGE run=one')
  assert.equal(await kubectl.show('get po -A --sort-by=.metadata.name --no-headers'), 'default one 0/1 Pending 0 AGE')
})

test('objects are described', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await kubectl.show('create deploy web --image=nginx --port=80')
  await kubectl.show('expose deploy web --port=80 --type=NodePort')
  await kubectl.show('run one --image=nginx')
  const service = await kubectl.show('describe svc web')
  assert.match(service, /^Type: NodePort$/m)
  assert.match(service, /^IP Families: IPv4$/m)
  assert.match(service, /^External Traffic Policy: Cluster$/m)
  assert.match(await kubectl.show('describe deploy web'), /^StrategyType: RollingUpdate$/m)
  assert.match(await kubectl.show('describe pod one'), /^QoS Class: BestEffort$/m)
  assert.match(await kubectl.show('describe svc kubernetes'), /^Endpoints: 192\.168\.0\.2:6443$/m)
  const node = {
    metadata: { name: 'a', labels: { 'node-role.kubernetes.io/worker': '' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
  assert.equal((await kubectl.bench.call('POST', '/api/v1/nodes', node)).status, 201)
  assert.match(await kubectl.show('describe node a'), /^Roles: worker$/m)
  assert.equal(await kubectl.show('get nodes --no-headers'), 'a Ready worker AGE')
})

test('events are listed and belong to their object', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const { body: service } = await kubectl.bench.call('GET', '/api/v1/namespaces/default/services/kubernetes')
  const { name, namespace, uid } = service.metadata
  const event = {
    metadata: { name: 'kubernetes.1' },
    involvedObject: { kind: 'Service', apiVersion: 'v1', name, namespace, uid },
    reason: 'Made',
    message: 'it is there',
    type: 'Normal',
    source: { component: 'test' },
    firstTimestamp: new Date().toISOString(),
    lastTimestamp: new Date().toISOString(),
    count: 1,
  }
  assert.equal((await kubectl.bench.call('POST', '/api/v1/namespaces/default/events', event)).status, 201)
  assert.equal(
    await kubectl.show('get events'),
    'LAST SEEN TYPE REASON OBJECT MESSAGE\nAGE Normal Made service/kubernetes it is there',
  )
  assert.match(await kubectl.show('events'), /Normal Made Service\/kubernetes it is there/)
  assert.match(await kubectl.show('describe svc kubernetes'), /Normal Made AGE test it is there$/)
})

test('a watch prints changes as they happen, under one header', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await using watch = kubectl.start('get cm -w')
  await kubectl.show('create cm first')
  await watch.printed(/first/)
  await kubectl.show(`patch cm first -p '{"data":{"a":"b"}}'`)
  const printed = await watch.printed(/first\s+1/)
  assert.equal(printed, 'NAME DATA AGE\nfirst 0 AGE\nfirst 1 AGE')
})

test('explain knows the fields of every kind', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  assert.match(await kubectl.show('explain service.spec.ports'), /targetPort\t<IntOrString>/)
  assert.match(await kubectl.show('explain deploy.spec.template.spec.containers.image'), /FIELD: image <string>/)
  assert.match(await kubectl.show('explain endpointslices'), /KIND: EndpointSlice/)
  assert.match(await kubectl.fail('explain service.spec.nope'), /field "nope" does not exist/)
})

test('what one may do is listed', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  assert.match(await kubectl.show('auth can-i --list'), /^\*\.\* \[\] \[\] \[\*\]$/m)
})
