import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from '../test-bench.ts'
import { defaultClusterRoleBindings, defaultClusterRoles } from './bootstrap-policy.ts'

/** Those of kube-apiserver 1.36 with its default features. */
const UPSTREAM = `
  admin cluster-admin edit view system:aggregate-to-admin system:aggregate-to-edit system:aggregate-to-view
  system:auth-delegator system:basic-user system:certificates.k8s.io:certificatesigningrequests:nodeclient
  system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  system:certificates.k8s.io:kube-apiserver-client-approver
  system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  system:certificates.k8s.io:kubelet-serving-approver system:certificates.k8s.io:legacy-unknown-approver
  system:discovery system:heapster system:kube-aggregator system:kube-controller-manager system:kube-dns
  system:kube-scheduler system:kubelet-api-admin system:monitoring system:node system:node-bootstrapper
  system:node-problem-detector system:node-proxier system:persistent-volume-provisioner system:public-info-viewer
  system:service-account-issuer-discovery system:volume-scheduler`
const UPSTREAM_CONTROLLERS = `
  attachdetach-controller certificate-controller clusterrole-aggregation-controller cronjob-controller
  daemon-set-controller deployment-controller disruption-controller endpoint-controller endpointslice-controller
  endpointslicemirroring-controller ephemeral-volume-controller expand-controller generic-garbage-collector
  horizontal-pod-autoscaler job-controller legacy-service-account-token-cleaner namespace-controller node-controller
  persistent-volume-binder pod-garbage-collector pv-protection-controller pvc-protection-controller
  replicaset-controller replication-controller resource-claim-controller resourcequota-controller
  root-ca-cert-publisher route-controller selinux-warning-controller service-account-controller
  service-cidrs-controller service-controller statefulset-controller ttl-after-finished-controller ttl-controller
  validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller`
const OWN = `
  fairlead:pod-network system:cloud-controller-manager system:coredns system:controller:crd-finalizer
  system:controller:ipallocator-repair-controller system:controller:service-diagnosis-controller`

const words = (text: string) => text.trim().split(/\s+/)

test('the default cluster roles are those of upstream, and a few of our own', () => {
  const controllers = words(UPSTREAM_CONTROLLERS).map((name) => `system:controller:${name}`)
  const names = defaultClusterRoles().map(({ metadata }) => metadata.name)
  assert.deepEqual(names.toSorted(), [...words(UPSTREAM), ...controllers, ...words(OWN)].sort())
  const bound = defaultClusterRoleBindings().map(({ metadata }) => metadata.name)
  for (const name of controllers) assert.ok(bound.includes(name), name)
  for (const role of defaultClusterRoles()) {
    assert.equal(role.metadata.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults')
    for (const rule of role.rules ?? []) {
      assert.ok(rule.verbs.length > 0 && (rule.nonResourceURLs ?? rule.resources ?? []).length > 0, role.metadata.name)
    }
  }
})

test('who views sees no secrets, who edits gives no roles, who administers does', async () => {
  await using bench = await openTestBench()
  const rules = async (name: string) =>
    JSON.stringify((await bench.call('GET', `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`)).body.rules)
  const [view, edit, admin] = [await rules('view'), await rules('edit'), await rules('admin')]
  assert.doesNotMatch(view, /"secrets"/)
  assert.match(edit, /"secrets"/)
  assert.doesNotMatch(edit, /"rolebindings"/)
  assert.match(admin, /"rolebindings"/)
})

test('the namespaces of the system have their roles', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('GET', '/apis/rbac.authorization.k8s.io/v1/rolebindings')
  const places = body.items.map(
    ({ metadata, roleRef }: { metadata: { namespace: string; name: string }; roleRef: { name: string } }) =>
      `${metadata.namespace}/${metadata.name} ${roleRef.name}`,
  )
  assert.deepEqual(places, [
    'kube-public/system:controller:bootstrap-signer system:controller:bootstrap-signer',
    'kube-system/system::extension-apiserver-authentication-reader extension-apiserver-authentication-reader',
    'kube-system/system::leader-locking-kube-controller-manager system::leader-locking-kube-controller-manager',
    'kube-system/system::leader-locking-kube-scheduler system::leader-locking-kube-scheduler',
    'kube-system/system:controller:bootstrap-signer system:controller:bootstrap-signer',
    'kube-system/system:controller:cloud-provider system:controller:cloud-provider',
    'kube-system/system:controller:token-cleaner system:controller:token-cleaner',
  ])
})
