import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, unavailable } from './kubectl.ts'

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: nginx, ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
`
const CHANGED = WEB.replace('replicas: 2', 'replicas: 3').replace('port: 80}]\n`', 'port: 81}]')

test('apply creates, leaves alone, changes and deletes', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const path = kubectl.manifest('web.yaml', WEB)
  assert.equal(await kubectl.show(`apply -f ${path}`), 'deployment.apps/web created\nservice/web created')
  assert.equal(await kubectl.show(`apply -f ${path}`), 'deployment.apps/web unchanged\nservice/web unchanged')
  const changed = kubectl.manifest('changed.yaml', CHANGED)
  const difference = await kubectl.run(`diff -f ${changed}`)
  assert.equal(difference.code, 1)
  assert.match(difference.stdout, /^- {2}replicas: 2\n\+ {2}replicas: 3$/m)
  assert.equal(await kubectl.show(`apply -f ${changed}`), 'deployment.apps/web configured\nservice/web unchanged')
  assert.equal(await kubectl.show("get deploy web -o 'jsonpath={.spec.replicas} {.metadata.generation}'"), '3 2')
  assert.equal(
    await kubectl.show(`apply -f ${changed} --dry-run=server`),
    'deployment.apps/web unchanged (server dry run)\nservice/web unchanged (server dry run)',
  )
  assert.equal(await kubectl.show(`delete -f ${path}`), 'deployment.apps "web" deleted\nservice "web" deleted')
  assert.equal(await kubectl.show('get svc -o name'), 'service/kubernetes')
})

test('server-side apply owns fields, and names who else does', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const path = kubectl.manifest('web.yaml', WEB)
  assert.equal(
    await kubectl.show(`apply --server-side -f ${path}`),
    'deployment.apps/web serverside-applied\nservice/web serverside-applied',
  )
  await kubectl.show('scale deploy web --replicas=5')
  const refused = await kubectl.fail(`apply --server-side -f ${path}`)
  assert.match(
    refused,
    /^error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
  )
  assert.match(
    await kubectl.show(`apply --server-side --force-conflicts -f ${path}`),
    /deployment.apps\/web serverside-applied/,
  )
  assert.equal(await kubectl.show("get deploy web -o 'jsonpath={.spec.replicas}'"), '2')
  const less = kubectl.manifest('less.yaml', WEB.replace('  replicas: 2\n', ''))
  await kubectl.show(`apply --server-side -f ${less}`)
  assert.equal(await kubectl.show("get deploy web -o 'jsonpath={.spec.replicas}'"), '1')
})

test('objects are created by the commands for them', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  const made: readonly (readonly [string, string])[] = [
    ['create ns team', 'namespace/team created'],
    ['create cm settings --from-literal=a=1', 'configmap/settings created'],
    ['create secret generic key --from-literal=a=b', 'secret/key created'],
    ['create sa robot', 'serviceaccount/robot created'],
    ['create deploy web --image=nginx --port=80 --replicas=2', 'deployment.apps/web created'],
    ['create svc nodeport door --tcp=80:8080', 'service/door created'],
    ['create svc clusterip none --clusterip=None --tcp=80', 'service/none created'],
    ['create svc externalname away --external-name=example.com', 'service/away created'],
    ['expose deploy web --port=80 --type=LoadBalancer', 'service/web exposed'],
    ['run one --image=nginx --port=80', 'pod/one created'],
    ['-n team create cm settings', 'configmap/settings created'],
  ]
  for (const [line, expected] of made) assert.equal(await kubectl.show(line), expected, line)
  assert.equal(await kubectl.show("get secret key -o 'jsonpath={.data.a} {.type}'"), 'Yg== Opaque')
  assert.equal(
    await kubectl.show("get svc away -o 'jsonpath={.spec.type} {.spec.externalName}{.spec.clusterIP}'"),
    'ExternalName example.com',
  )
  const listed = await kubectl.show('get svc')
  assert.equal(
    listed,
    [
      'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE',
      'away ExternalName <none> example.com <none> AGE',
      'door NodePort CLUSTER-IP <none> 80:NODEPORT/TCP AGE',
      'kubernetes ClusterIP 10.96.0.1 <none> 443/TCP AGE',
      'none ClusterIP None <none> 80/TCP AGE',
      'web LoadBalancer CLUSTER-IP <pending> 80:NODEPORT/TCP AGE',
    ].join('\n'),
  )
})

test('labels, annotations, patches, images and scale', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await kubectl.show('create deploy web --image=nginx')
  await kubectl.show('create svc clusterip web --tcp=80')
  const done: readonly (readonly [string, string])[] = [
    ['label svc web tier=front', 'service/web labeled'],
    ['annotate svc web note=x', 'service/web annotated'],
    [`patch svc web -p '{"spec":{"ports":[{"port":80,"name":"http"}]}}'`, 'service/web patched'],
    [`patch svc web --type=merge -p '{"metadata":{"labels":{"tier":null}}}'`, 'service/web patched'],
    [`patch svc web --type=json -p '[{"op":"remove","path":"/metadata/annotations/note"}]'`, 'service/web patched'],
    [`patch svc web -p '{"spec":{"type":"NodePort"}}'`, 'service/web patched'],
    [`patch svc web -p '{"spec":{"type":"ClusterIP"}}'`, 'service/web patched'],
    ['set image deploy/web nginx=nginx:2', 'deployment.apps/web image updated'],
    ['set env deploy/web A=b', 'deployment.apps/web env updated'],
    ['scale deploy web --replicas=4', 'deployment.apps/web scaled'],
  ]
  for (const [line, expected] of done) assert.equal(await kubectl.show(line), expected, line)
  const paths = '{.spec.ports[0].name} {.spec.ports[0].nodePort} {.metadata.labels} {.metadata.annotations}'
  assert.equal(await kubectl.show(`get svc web -o 'jsonpath=${paths}'`), 'http {"app":"web"} {}')
  const template =
    '{.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value} {.spec.replicas}'
  assert.equal(await kubectl.show(`get deploy web -o 'jsonpath=${template}'`), 'nginx:2 b 4')
})

test('refusals read as they do elsewhere', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await kubectl.show('create svc clusterip web --tcp=80')
  const refused: readonly (readonly [string, string])[] = [
    ['get svc none', 'Error from server (NotFound): services "none" not found'],
    ['get deploy none', 'Error from server (NotFound): deployments.apps "none" not found'],
    ['create svc clusterip web --tcp=80', 'error: failed to create ClusterIP service: services "web" already exists'],
    [
      `patch svc web -p '{"spec":{"clusterIP":"10.96.9.9"}}'`,
      'The Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["CLUSTER-IP"]: may not change once set',
    ],
    [
      `patch svc web -p '{"spec":{"type":"Odd"}}'`,
      'The Service "web" is invalid: spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    ['-n none create cm a', 'error: failed to create configmap: namespaces "none" not found'],
  ]
  for (const [line, expected] of refused) assert.equal(await kubectl.fail(line), expected, line)
  const strict = await kubectl.fail(
    'create -f -',
    'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 80, nope: 1}]}',
  )
  assert.match(
    strict,
    /Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.ports\[0\].nope"$/,
  )
})

test('a deleted object is waited for', { skip: unavailable }, async () => {
  await using kubectl = await openSession()
  await kubectl.show('run one --image=nginx')
  assert.equal(await kubectl.show('delete pod one'), 'pod "one" deleted')
  await kubectl.show('create ns team')
  await kubectl.show('delete ns team --wait=false')
  assert.equal(await kubectl.show('get ns team --no-headers'), 'team Terminating AGE')
  assert.match(
    await kubectl.fail('-n team create cm x'),
    /forbidden: unable to create new content in namespace team because it is being terminated$/,
  )
})
