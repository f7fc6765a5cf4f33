import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'
import { type Kubectl, openKubectl, unavailable } from './kubectl.ts'

const directory = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'examples')
/** As after `-f`. */
const examples = ['client', 'clusterip', 'headless', 'nodeport']
  .map((name) => join(directory, `${name}.yaml`))
  .join(' -f ')

/** A user's first hour: everything is applied, looked at from all sides, changed, and deleted again. */
describe('kubectl on a running cluster', { skip: unavailable, timeout: 120_000 }, () => {
  let on: TrafficCluster
  let kubectl: Kubectl
  before(async () => {
    on = await startTrafficCluster()
    kubectl = openKubectl({ kubeconfig: on.cluster.layout.kubeconfig, directory: on.directory })
  })
  after(() => on?.[Symbol.asyncDispose]())

  /** What a command prints, with what differs from cluster to cluster made equal. */
  const show = async (line: string) => plain(await kubectl.show(line))
  const lines = async (line: string) => (await show(line)).split('\n')

  test('apply -f, again, and diff', async () => {
    const created = [
      'pod/client created',
      'deployment.apps/web created',
      'service/web created',
      'statefulset.apps/db created',
      'service/db created',
      'service/web-nodeport created',
    ]
    assert.deepEqual(await lines(`apply -f ${examples}`), created)
    const unchanged = created.map((line) => line.replace('created', 'unchanged'))
    assert.deepEqual(await lines(`apply -f ${examples}`), unchanged)
    assert.equal(await show(`diff -f ${examples}`), '')
  })

  test('wait and rollout status', async () => {
    assert.match(await show('rollout status deploy/web --timeout=60s'), /^deployment "web" successfully rolled out$/m)
    assert.match(
      await show('rollout status sts/db --timeout=60s'),
      /^partitioned roll out complete: 2 new pods have been updated\.\.\.$/m,
    )
    assert.equal(
      await show('wait deploy/web --for=condition=Available --timeout=60s'),
      'deployment.apps/web condition met',
    )
    assert.deepEqual(await lines('wait pod --all --for=condition=Ready --timeout=60s'), [
      'pod/client condition met',
      'pod/db-0 condition met',
      'pod/db-1 condition met',
      'pod/web-HASH-ID condition met',
      'pod/web-HASH-ID condition met',
    ])
    assert.equal(
      await show('wait pod/client --for=jsonpath={.status.phase}=Running --timeout=60s'),
      'pod/client condition met',
    )
  })

  test('get -o wide of every kind', async () => {
    assert.deepEqual(await lines('get pods -o wide'), [
      'NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES',
      'client 1/1 Running 0 AGE POD-IP NODE <none> <none>',
      'db-0 1/1 Running 0 AGE POD-IP NODE <none> <none>',
      'db-1 1/1 Running 0 AGE POD-IP NODE <none> <none>',
      'web-HASH-ID 1/1 Running 0 AGE POD-IP NODE <none> <none>',
      'web-HASH-ID 1/1 Running 0 AGE POD-IP NODE <none> <none>',
    ])
    assert.deepEqual(await lines('get svc -o wide'), [
      'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR',
      'db ClusterIP None <none> 8080/TCP AGE app=db',
      'kubernetes ClusterIP 10.96.0.1 <none> 443/TCP AGE <none>',
      'web ClusterIP CLUSTER-IP <none> 80/TCP,9000/UDP AGE app=web',
      'web-nodeport NodePort CLUSTER-IP <none> 80:NODEPORT/TCP AGE app=web',
    ])
    assert.deepEqual(await lines('get deploy -o wide'), [
      'NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR',
      'web 2/2 2 2 AGE echo fairlead/echo app=web',
    ])
    assert.deepEqual(await lines('get rs -o wide'), [
      'NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR',
      'web-HASH 2 2 2 AGE echo fairlead/echo app=web,pod-template-hash=HASH',
    ])
    assert.deepEqual(await lines('get sts -o wide'), [
      'NAME READY AGE CONTAINERS IMAGES',
      'db 2/2 AGE echo fairlead/echo',
    ])
    const [columns, ...slices] = await lines('get endpointslices -o wide')
    assert.equal(columns, 'NAME ADDRESSTYPE PORTS ENDPOINTS AGE')
    assert.deepEqual(slices.sort(), [
      'db-ID IPv4 8080 POD-IP,POD-IP AGE',
      'kubernetes IPv4 6443 192.168.255.1 AGE',
      'web-ID IPv4 8080,9000 POD-IP,POD-IP AGE',
      'web-nodeport-ID IPv4 8080 POD-IP,POD-IP AGE',
    ])
    const nodes = await lines('get nodes -o wide')
    assert.equal(
      nodes[0],
      'NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME',
    )
    assert.equal(nodes.length, 4)
    assert.match(
      nodes[1] ?? '',
      /^NODE Ready <none> AGE v1\.36\.0\+fairlead 192\.168\.0\.11 203\.0\.113\.11 .* runc:\/\//,
    )
    assert.deepEqual(await lines('get ns,sa'), [
      'NAME STATUS AGE',
      'namespace/default Active AGE',
      'namespace/kube-node-lease Active AGE',
      'namespace/kube-public Active AGE',
      'namespace/kube-system Active AGE',
      '',
      'NAME SECRETS AGE',
      'serviceaccount/default 0 AGE',
    ])
    assert.deepEqual(await lines('get leases -n kube-node-lease'), [
      'NAME HOLDER AGE',
      'NODE NODE AGE',
      'NODE NODE AGE',
      'NODE NODE AGE',
    ])
    assert.match(
      await show('get ep web'),
      /^NAME ENDPOINTS AGE\nweb POD-IP:8080,POD-IP:8080,POD-IP:9000 \+ 1 more\.\.\. AGE$/m,
    )
  })

  test('describe pod: where it runs, its state, and what happened', async () => {
    const text = await show('describe pod -l app=web')
    for (const line of [
      'Node: NODE/NODE-IP',
      'Labels: app=web',
      ' pod-template-hash=HASH',
      'Status: Running',
      'IP: POD-IP',
      'Controlled By: ReplicaSet/web-HASH',
      ' Image: fairlead/echo',
      ' Ports: 8080/TCP, 9000/UDP',
      ' State: Running',
      ' Ready: True',
      ' Restart Count: 0',
      ' PodReadyToStartContainers True',
      ' PodScheduled True',
      'QoS Class: BestEffort',
    ]) {
      assert.ok(text.split('\n').includes(line), `no line "${line}" in\n${text}`)
    }
    // A pod may be asked before it listens, where the machine is busy.
    const events = text
      .slice(text.indexOf('Events:'), text.indexOf('\n\n\n'))
      .split('\n')
      .filter((line) => !line.includes(' Unhealthy '))
    assert.deepEqual(events, [
      'Events:',
      ' Type Reason Age From Message',
      ' ---- ------ ---- ---- -------',
      ' Normal Scheduled AGE default-scheduler Successfully assigned default/web-HASH-ID to NODE',
      ' Normal Pulled AGE kubelet Container image "fairlead/echo" already present on machine',
      ' Normal Created AGE kubelet Created container: echo',
      ' Normal Started AGE kubelet Started container echo',
    ])
  })

  test('describe svc: addresses, ports and endpoints', async () => {
    assert.deepEqual(await lines('describe svc web-nodeport'), [
      'Name: web-nodeport',
      'Namespace: default',
      'Labels: <none>',
      'Annotations: <none>',
      'Selector: app=web',
      'Type: NodePort',
      'IP Family Policy: SingleStack',
      'IP Families: IPv4',
      'IP: CLUSTER-IP',
      'IPs: CLUSTER-IP',
      'Port: http 80/TCP',
      'TargetPort: http/TCP',
      'NodePort: http 30080/TCP',
      'Endpoints: POD-IP:8080,POD-IP:8080',
      'Session Affinity: None',
      'External Traffic Policy: Cluster',
      'Internal Traffic Policy: Cluster',
      'Events: <none>',
    ])
    assert.match(await show('describe svc db'), /^IP: None\nIPs: None$/m)
    assert.match(await show('describe svc kubernetes'), /^Endpoints: 192\.168\.255\.1:6443$/m)
  })

  test('describe endpointslice: which pod, where', async () => {
    const text = await show('describe endpointslice -l kubernetes.io/service-name=db')
    assert.match(text, /^Name: db-ID\n/)
    assert.match(text, /^Labels: endpointslice.kubernetes.io\/managed-by=endpointslice-controller.k8s.io$/m)
    assert.match(
      text,
      /^ - Addresses: POD-IP\n Conditions:\n Ready: true\n Hostname: db-0\n TargetRef: Pod\/db-0\n NodeName: NODE\n Zone: zone-[abc]$/m,
    )
  })

  test('describe node: its pods, its addresses, what happened', async () => {
    const text = await show('describe node node-2')
    for (const pattern of [
      /^Labels: .*\n( .*\n)* topology\.kubernetes\.io\/zone=zone-b$/m,
      /^ Ready True DATE DATE KubeletReady kubelet is posting ready status$/m,
      /^ InternalIP: NODE-IP\n ExternalIP: 203\.0\.113\.12\n Hostname: NODE$/m,
      /^ Kubelet Version: v1\.36\.0\+fairlead$/m,
      /^PodCIDR: 10\.244\.\d\.0\/24$/m,
      /^Non-terminated Pods: \([1-9] in total\)$/m,
      /^ Normal NodeReady AGE kubelet Node NODE status is now: NodeReady$/m,
      /^ Normal RegisteredNode AGE node-controller Node NODE event: Registered Node NODE in Controller$/m,
    ]) {
      assert.match(text, pattern)
    }
  })

  test('describe deploy, rs and sts', async () => {
    const deployment = await show('describe deploy web')
    assert.match(deployment, /^Replicas: 2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$/m)
    assert.match(deployment, /^NewReplicaSet: web-HASH \(2\/2 replicas created\)$/m)
    assert.match(
      deployment,
      /^ Normal ScalingReplicaSet AGE deployment-controller Scaled up replica set web-HASH from 0 to 2$/m,
    )
    const set = await show('describe rs')
    assert.match(set, /^Controlled By: Deployment\/web$/m)
    assert.match(set, /^Pods Status: 2 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m)
    assert.match(set, /^ Normal SuccessfulCreate AGE replicaset-controller Created pod: web-HASH-ID$/m)
    const stateful = await show('describe sts db')
    assert.match(stateful, /^Replicas: 2 desired \| 2 total$/m)
    assert.match(
      stateful,
      /^ Normal SuccessfulCreate AGE statefulset-controller create Pod db-1 in StatefulSet db successful$/m,
    )
  })

  test('get events, by object too', async () => {
    const events = await lines('get events')
    assert.equal(events[0], 'LAST SEEN TYPE REASON OBJECT MESSAGE')
    assert.ok(events.includes('AGE Normal Scheduled pod/client Successfully assigned default/client to NODE'))
    assert.ok(events.includes('AGE Normal ScalingReplicaSet deployment/web Scaled up replica set web-HASH from 0 to 2'))
    assert.deepEqual(await lines('events --for pod/client'), [
      'LAST SEEN TYPE REASON OBJECT MESSAGE',
      'AGE Normal Scheduled Pod/client Successfully assigned default/client to NODE',
      'AGE Normal Pulled Pod/client Container image "fairlead/client" already present on machine',
      'AGE Normal Created Pod/client Created container: client',
      'AGE Normal Started Pod/client Started container client',
    ])
  })

  test('get -w follows a pod from nothing to its end', async () => {
    await using watch = kubectl.start('get pods -w')
    // It watches once it has shown what there is.
    await watch.printed(/^web/m)
    assert.equal(await show('run short --image=busybox --restart=Never --command -- sleep 0.2'), 'pod/short created')
    const text = await watch.printed(/short\s+0\/1\s+Completed.*\n/)
    const states = text.split('\n').filter((line) => line.startsWith('short'))
    assert.deepEqual(
      [...new Set(states)],
      [
        'short 0/1 Pending 0 AGE',
        'short 0/1 ContainerCreating 0 AGE',
        'short 1/1 Running 0 AGE',
        'short 0/1 Completed 0 AGE',
      ],
    )
    assert.match(
      await show('describe pod short'),
      /^ Normal ImageSubstituted AGE kubelet Image "docker\.io\/library\/busybox:latest" is not pulled/m,
    )
  })

  test('get -w sees an image that is missing', async () => {
    await using watch = kubectl.start('get pods -w')
    await watch.printed(/^web/m)
    await show('run odd --image=acme/odd')
    const text = await watch.printed(/ImagePullBackOff.*\n/)
    assert.match(text, /^odd 0\/1 ErrImagePull 0 AGE$/m)
    const described = await show('describe pod odd')
    assert.match(described, /^ State: Waiting\n Reason: ImagePullBackOff$/m)
    assert.match(
      described,
      /^ Warning Failed AGE kubelet Failed to pull image "acme\/odd": .*add it with: fairlead image add acme\/odd PATH$/m,
    )
  })

  test('scale, set, rollout history, undo and restart', async () => {
    assert.equal(await show('scale deploy web --replicas=3'), 'deployment.apps/web scaled')
    assert.match(await show('rollout status deploy/web --timeout=60s'), /^deployment "web" successfully rolled out$/m)
    assert.equal(await show('get deploy web --no-headers'), 'web 3/3 3 3 AGE')
    assert.equal(await show('set env deploy/web COLOR=blue'), 'deployment.apps/web env updated')
    const progress = await lines('rollout status deploy/web --timeout=60s')
    assert.match(
      progress[0] ?? '',
      /^Waiting for deployment "web" rollout to finish: \d (out of 3 new replicas have been updated|old replicas are pending termination)\.\.\.$/,
    )
    assert.equal(progress.at(-1), 'deployment "web" successfully rolled out')
    assert.deepEqual(await lines('rollout history deploy/web'), [
      'deployment.apps/web',
      'REVISION CHANGE-CAUSE',
      '1 <none>',
      '2 <none>',
    ])
    assert.equal(await show('rollout undo deploy/web'), 'deployment.apps/web rolled back')
    assert.match(await show('rollout status deploy/web --timeout=60s'), /^deployment "web" successfully rolled out$/m)
    assert.deepEqual((await lines('get rs --no-headers')).sort(), ['web-HASH 0 0 0 AGE', 'web-HASH 3 3 3 AGE'])
    assert.equal(await show('rollout restart sts/db'), 'statefulset.apps/db restarted')
    assert.match(
      await show('rollout status sts/db --timeout=60s'),
      /^partitioned roll out complete: 2 new pods have been updated\.\.\.$/m,
    )
  })

  test('cordon keeps new pods away', async () => {
    for (const node of ['node-1', 'node-2', 'node-3']) {
      assert.equal(await kubectl.show(`cordon ${node}`), `node/${node} cordoned`)
    }
    assert.match(await show('get nodes'), /^NODE Ready,SchedulingDisabled <none> AGE /m)
    await show('run homeless --image=fairlead/client')
    await using watch = kubectl.start('events --for pod/homeless -w')
    assert.match(
      plain(await watch.printed(/FailedScheduling.*\n/)),
      /Warning FailedScheduling Pod\/homeless 0\/3 nodes are available: 3 node\(s\) were unschedulable\./,
    )
    await kubectl.show('uncordon node-3')
    assert.equal(await show('wait pod/homeless --for=condition=Ready --timeout=60s'), 'pod/homeless condition met')
    assert.match(await kubectl.show('get pod homeless -o wide --no-headers'), / node-3 /)
    await kubectl.show('uncordon node-1 node-2')
  })

  test('what is not there is said as upstream says it', async () => {
    assert.equal(await kubectl.fail('get pod nobody'), 'Error from server (NotFound): pods "nobody" not found')
    assert.equal(await kubectl.fail('describe svc nobody'), 'Error from server (NotFound): services "nobody" not found')
    assert.equal((await kubectl.run('get pods -l app=nobody')).stderr, 'No resources found in default namespace.\n')
  })

  test('delete waits until it is so, and everything goes with its owner', async () => {
    assert.equal(
      await show('delete pod client odd short homeless'),
      ['client', 'odd', 'short', 'homeless'].map((name) => `pod "${name}" deleted`).join('\n'),
    )
    const deleted = await lines(`delete -f ${examples} --ignore-not-found`)
    assert.deepEqual(deleted, [
      'deployment.apps "web" deleted',
      'service "web" deleted',
      'statefulset.apps "db" deleted',
      'service "db" deleted',
      'service "web-nodeport" deleted',
    ])
    await on.until('the pods to go with their owners', () => (on.watch.pods().length === 0 ? true : undefined))
    assert.equal(await show('get all -o name'), 'service/kubernetes')
    assert.equal(await show('get endpointslices -o name'), 'endpointslice.discovery.k8s.io/kubernetes')
  })
})

/** Makes equal what differs from cluster to cluster. */
function plain(text: string): string {
  return text
    .replace(/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}/g, 'DATE')
    .replace(/\b192\.168\.[0-2]\.11\b(?= *$|(?<=[/:] ?192\.168\.[0-2]\.11))/gm, 'NODE-IP')
    .replace(/\b10\.244\.\d+\.\d+\b(?!\/)/g, 'POD-IP')
    .replace(/\bnode-\d\b/g, 'NODE')
    .replace(/\bweb-(?!nodeport)[0-9a-z]{6,10}-[0-9a-z]{5}\b/g, 'web-HASH-ID')
    .replace(/\bweb-(?!nodeport)[0-9a-z]{6,10}\b/g, 'web-HASH')
    .replace(/pod-template-hash=[0-9a-z]+/g, 'pod-template-hash=HASH')
    .replace(/\b(db|web|web-nodeport)-[0-9a-z]{5}\b/g, '$1-ID')
    .replace(/ +$/gm, '')
    .trim()
}
