import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KINDS } from '../../registry.ts'
import { apiVersionOf } from '../../resource.ts'
import { findKindMessage, findMessage } from '../schema.ts'
import { notedMessages, notesOf } from './notes.ts'

test('what is told is told of messages and fields that there are, and says something', () => {
  for (const name of notedMessages()) {
    const message = findMessage(name)
    const notes = notesOf(name)
    assert.ok(message !== undefined && notes !== undefined && /\w\.$/.test(notes.description), name)
    for (const [field, { description, values }] of notes.fields) {
      assert.ok(message.fields.has(field), `${name}.${field}`)
      assert.match(description, /[\w.)]$/, `${name}.${field}`)
      if (values !== undefined) assert.deepEqual(values, values.toSorted(), `${name}.${field}`)
    }
  }
})

test('every kind is described, and a Service to its last field', () => {
  for (const { resource } of KINDS) {
    const message = findKindMessage(apiVersionOf(resource), resource.kind)
    assert.ok(message !== undefined && notesOf(message.name) !== undefined, resource.kind)
  }
  for (const name of ['ServiceSpec', 'ServicePort', 'ServiceStatus', 'LoadBalancerIngress', 'PortStatus']) {
    const described = [...(notesOf(name)?.fields.keys() ?? [])]
    assert.deepEqual([...(findMessage(name)?.fields.keys() ?? [])].sort(), described.toSorted(), name)
  }
})
