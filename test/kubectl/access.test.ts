import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, unavailable } from './kubectl.ts'

test('kubectl makes roles and bindings, and tells who may do what', { skip: unavailable }, async () => {
  await using session = await openSession()
  const { show, fail, run } = session
  const made = [
    [
      'create role reader --verb=get,list --resource=pods,deployments.apps',
      'role.rbac.authorization.k8s.io/reader created',
    ],
    ['create rolebinding jane --role=reader --user=jane', 'rolebinding.rbac.authorization.k8s.io/jane created'],
    [
      'create clusterrole scaler --verb=patch --resource=deployments/scale',
      'clusterrole.rbac.authorization.k8s.io/scaler created',
    ],
    [
      'create clusterrolebinding ops --clusterrole=scaler --group=ops --serviceaccount=default:bot',
      'clusterrolebinding.rbac.authorization.k8s.io/ops created',
    ],
    [
      'create clusterrole pinger --verb=get --non-resource-url=/ping/*',
      'clusterrole.rbac.authorization.k8s.io/pinger created',
    ],
  ] as const
  for (const [line, text] of made) assert.equal(await show(line), text)
  assert.match(
    await show('get rolebindings -o wide'),
    /^NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\njane +Role\/reader +\S+ +jane *$/,
  )
  assert.match(await show('get clusterrolebinding ops -o wide'), /ops +ClusterRole\/scaler +\S+ +ops +default\/bot/)
  assert.match(await show('get roles'), /^NAME +CREATED AT\nreader +\S+$/)
  assert.match(await show('describe role reader'), /pods +\[\] +\[\] +\[get list\]/)
  assert.equal((await run('auth can-i list pods')).stdout, 'yes\n')
  assert.equal((await run('auth can-i get /healthz')).stdout, 'yes\n')
  assert.match(await show('auth can-i --list'), /\*\.\* +\[\] +\[\] +\[\*\]/)
  assert.match(await show('auth whoami'), /Username +kubernetes-admin/)
  assert.match(await fail('create rolebinding x --user=jane'), /exactly one of clusterrole or role must be specified/)
  assert.match(await fail('create clusterrolebinding ops --clusterrole=view --user=x'), /already exists/)
})

const policy = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: team}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: team}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: team}
subjects:
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: team}
`

test('kubectl auth reconcile adds what is missing and keeps what is there', { skip: unavailable }, async () => {
  await using session = await openSession()
  const { show, manifest } = session
  const path = manifest('team.yaml', policy)
  assert.match(await show(`auth reconcile -f ${path}`), /clusterrole.rbac.authorization.k8s.io\/team reconciled/)
  const wider = manifest('wider.yaml', policy.replace('[pods]', '[pods, services]'))
  assert.match(await show(`auth reconcile -f ${wider}`), /team reconciled/)
  assert.match(await show('get clusterrole team -o yaml'), /services/)
})
