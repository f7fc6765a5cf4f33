import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotFound } from '../../src/kube/api-error.ts'
import { configMaps, customResourceDefinitions, namespaces, type Resource } from '../../src/kube/resource.ts'
import type { CustomResourceDefinition } from '../../src/kube/types/custom-resource-definition.ts'
import type { KubeObject } from '../../src/kube/types/meta.ts'
import { startControlPlane } from './control-plane.ts'

const GROUP = 'sky.example.com'
const kites: Resource<KubeObject> = { group: GROUP, version: 'v1', kind: 'Kite', plural: 'kites', namespaced: true }

const definition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `kites.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'kites', kind: 'Kite' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

function kite(name: string, namespace = 'default', finalizers: readonly string[] = []): KubeObject {
  return { apiVersion: `${GROUP}/v1`, kind: 'Kite', metadata: { name, namespace, finalizers } }
}

async function withKites() {
  const plane = await startControlPlane()
  await plane.client.create(customResourceDefinitions, definition)
  return plane
}

test('what an object of a new kind owns goes with it', async () => {
  await using plane = await withKites()
  const owner = await plane.client.create(kites, kite('one'))
  const { apiVersion, kind, metadata } = owner
  const ownerReferences = [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }]
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tail', namespace: 'default', ownerReferences } }
  await plane.client.create(configMaps, map)
  await plane.client.delete(kites, metadata, { propagationPolicy: 'Background' })
  await plane.gone(configMaps, 'tail')
})

test('a namespace takes objects of new kinds along', async () => {
  await using plane = await withKites()
  await plane.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sky' } })
  await plane.client.create(kites, kite('one', 'sky'))
  await plane.client.delete(namespaces, { name: 'sky' })
  await plane.gone(namespaces, 'sky')
  assert.equal((await plane.client.list(kites, {})).items.length, 0)
})

test('a definition goes when its objects are gone, what they own too, and may come again', async () => {
  await using plane = await withKites()
  await plane.client.create(kites, kite('one'))
  const held = await plane.client.create(kites, kite('two', 'default', ['example.com/held']))
  await plane.client.delete(customResourceDefinitions, definition.metadata)
  const waiting = await plane.until(customResourceDefinitions, definition.metadata.name, ({ status }) =>
    (status?.conditions ?? []).some(({ reason }) => reason === 'InstanceDeletionInProgress'),
  )
  assert.notEqual(waiting.metadata.deletionTimestamp, undefined)
  await assert.rejects(plane.client.create(kites, kite('three')), /custom resource definition is terminating/)
  await plane.client.patch(kites, held.metadata, { type: 'merge', body: { metadata: { finalizers: [] } } })
  await plane.gone(customResourceDefinitions, definition.metadata.name)
  await assert.rejects(plane.client.list(kites, {}), isNotFound)
  await plane.client.create(customResourceDefinitions, definition)
  assert.deepEqual((await plane.client.list(kites, {})).items, [])
  await plane.client.create(kites, kite('four'))
})
