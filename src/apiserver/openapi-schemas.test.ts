import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KINDS } from '../kube/registry.ts'
import { schemasOf } from './openapi-schemas.ts'

// biome-ignore lint/suspicious/noExplicitAny: the test looks into schemas of every shape.
const schemas = schemasOf(KINDS) as any
const fieldOf = (message: string, field: string) => schemas[`io.k8s.api.${message}`].properties[field]

test('fields tell what they are for, what they may be, and what they are when left out', () => {
  assert.deepEqual(fieldOf('ServiceSpec', 'type').enum, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'])
  assert.equal(fieldOf('ServiceSpec', 'type').default, 'ClusterIP')
  assert.match(fieldOf('ServiceSpec', 'type').description, /reached/)
  assert.deepEqual(schemas['io.k8s.api.ServicePort'].required, ['port'])
  assert.equal(fieldOf('ServicePort', 'protocol').default, 'TCP')
  assert.match(schemas['io.k8s.api.Service'].description, /^One name and address/)
  assert.match(fieldOf('Deployment', 'metadata').description, /labels/)
})

test('lists say how they are merged, as upstream annotates them', () => {
  const rules = (message: string, field: string) => {
    const schema = fieldOf(message, field)
    return ['list-type', 'list-map-keys', 'patch-merge-key', 'patch-strategy'].map(
      (name) => schema[`x-kubernetes-${name}`],
    )
  }
  assert.deepEqual(rules('ServiceSpec', 'ports'), ['map', ['port', 'protocol'], 'port', 'merge'])
  assert.deepEqual(rules('PodSpec', 'containers'), ['map', ['name'], 'name', 'merge'])
  assert.deepEqual(rules('Container', 'ports'), ['map', ['containerPort', 'protocol'], 'containerPort', 'merge'])
  assert.deepEqual(rules('ObjectMeta', 'finalizers'), ['set', undefined, undefined, 'merge'])
  assert.deepEqual(rules('ObjectMeta', 'ownerReferences'), ['map', ['uid'], 'uid', 'merge'])
  assert.deepEqual(rules('Container', 'args'), ['atomic', undefined, undefined, undefined])
  assert.equal(schemas['io.k8s.api.LabelSelector']['x-kubernetes-map-type'], 'atomic')
  assert.deepEqual(schemas['io.k8s.api.Pod']['x-kubernetes-group-version-kind'], [
    { group: '', version: 'v1', kind: 'Pod' },
  ])
})
