import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from '../test-bench.ts'

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const gears = '/apis/example.com/v1/namespaces/default/gears'

function definition(rule: object) {
  const teeth = { type: 'integer' }
  return {
    metadata: { name: 'gears.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'gears', kind: 'Gear' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { teeth }, 'x-kubernetes-validations': [rule] } },
            },
          },
        },
      ],
    },
  }
}

test('rules of a definition are compiled when it is written, and hold for each object', async () => {
  await using bench = await openTestBench()
  const refused = await bench.call('POST', definitions, definition({ rule: 'self.tooth > 0' }))
  assert.equal(refused.status, 422)
  assert.match(
    refused.body.message,
    /spec\.versions\[0\]\.schema\.openAPIV3Schema\.properties\[spec\]\.x-kubernetes-validations\[0\]\.rule: Invalid value: .*: compilation failed: ERROR: <input>:1:5: undefined field 'tooth'/,
  )
  const rule = { rule: 'self.teeth >= oldSelf.teeth', message: 'teeth do not grow back' }
  assert.equal((await bench.call('POST', definitions, definition(rule))).status, 201)
  const gear = { apiVersion: 'example.com/v1', kind: 'Gear', metadata: { name: 'a' }, spec: { teeth: 3 } }
  assert.equal((await bench.call('POST', gears, gear)).status, 201)
  const less = await bench.call('PATCH', `${gears}/a`, { spec: { teeth: 2 } }, 'application/merge-patch+json')
  assert.equal(less.status, 422)
  assert.equal(
    less.body.message,
    'Gear.example.com "a" is invalid: spec: Invalid value: "object": teeth do not grow back',
  )
  assert.equal(
    (await bench.call('PATCH', `${gears}/a`, { spec: { teeth: 4 } }, 'application/merge-patch+json')).status,
    200,
  )
})
