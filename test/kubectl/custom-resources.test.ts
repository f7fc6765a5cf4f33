import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, unavailable } from './kubectl.ts'

const DEFINITION = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kites.sky.example.com}
spec:
  group: sky.example.com
  scope: Namespaced
  names: {plural: kites, kind: Kite, shortNames: [kt], categories: [all]}
  versions:
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.tails, statusReplicasPath: .status.tails, labelSelectorPath: .status.selector}
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color}
    - {name: Tails, type: integer, jsonPath: .spec.tails}
    - {name: Flies, type: string, jsonPath: '.status.conditions[?(@.type=="Flying")].status'}
    - {name: Strings, type: string, jsonPath: '.spec.strings[*].name', priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            description: What the kite is made of.
            type: object
            required: [color]
            properties:
              color: {type: string, enum: [red, blue], description: Color of the sail.}
              tails: {type: integer, minimum: 1, maximum: 5, default: 2}
              wind: {x-kubernetes-int-or-string: true, default: 10%}
              note: {type: string, maxLength: 5, pattern: '^[a-z]*$'}
              strings:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, length: {type: number, default: 1.5}}
              labels: {type: object, additionalProperties: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              tails: {type: integer}
              selector: {type: string}
              conditions:
                type: array
                items: {type: object, properties: {type: {type: string}, status: {type: string}}}
`

const KITE = `
apiVersion: sky.example.com/v1
kind: Kite
metadata: {name: one}
spec:
  color: red
  strings: [{name: left}, {name: right, length: 3}]
  free: {any: [thing]}
`

async function withDefinition() {
  const kubectl = await openSession()
  const path = kubectl.manifest('definition.yaml', DEFINITION)
  assert.equal(
    await kubectl.show(`apply -f ${path}`),
    'customresourcedefinition.apiextensions.k8s.io/kites.sky.example.com created',
  )
  return kubectl
}

test('a definition brings a kind, at once', { skip: unavailable }, async () => {
  await using kubectl = await withDefinition()
  assert.match(
    await kubectl.show('wait --for=condition=Established crd/kites.sky.example.com --timeout=5s'),
    /condition met$/,
  )
  const path = kubectl.manifest('kite.yaml', KITE)
  assert.equal(await kubectl.show(`apply -f ${path}`), 'kite.sky.example.com/one created')
  const plain = KITE.replace(/ {2}strings:.*\n/, '').replace('one', 'two')
  assert.equal(await kubectl.show('apply -f -', plain), 'kite.sky.example.com/two created')
  assert.equal(await kubectl.show('apply -f -', plain), 'kite.sky.example.com/two unchanged')
  assert.match(await kubectl.show('delete kite two'), /^kite\.sky\.example\.com "two" deleted/)
  assert.equal(await kubectl.show('get kt'), 'NAME COLOR TAILS FLIES AGE\none red 2 AGE')
  assert.equal(await kubectl.show('get kites -o wide --no-headers'), 'one red 2 left AGE')
  assert.match(await kubectl.show('get all -o name'), /^kite\.sky\.example\.com\/one$/m)
  const kite = JSON.parse((await kubectl.run('get kite one -o json')).stdout)
  assert.deepEqual(
    [kite.spec.wind, kite.spec.strings, kite.spec.free, kite.metadata.generation],
    [
      '10%',
      [
        { name: 'left', length: 1.5 },
        { name: 'right', length: 3 },
      ],
      { any: ['thing'] },
      1,
    ],
  )
  assert.match(
    await kubectl.show('api-resources --api-group=sky.example.com --no-headers'),
    /^kites kt sky.example.com\/v1 true Kite$/,
  )
  assert.match(await kubectl.show('explain kite.spec'), /color\s<string> -required-/)
  assert.match(await kubectl.show('explain kite.spec.color'), /Color of the sail\./)
  assert.match(await kubectl.show('describe kite one'), /^ *Color: red$/m)
})

test('objects of the new kind obey its schema', { skip: unavailable }, async () => {
  await using kubectl = await withDefinition()
  await kubectl.show('apply -f -', KITE)
  const refused = async (patch: object) => kubectl.fail(`patch kite one --type=merge -p ${JSON.stringify(patch)}`)
  const rules: readonly (readonly [object, string])[] = [
    [{ color: 'green' }, 'spec.color: Unsupported value: "green": supported values: "red", "blue"'],
    [{ color: null }, 'spec.color: Required value'],
    [{ tails: 'two' }, 'spec.tails: Invalid value: "string": spec.tails in body must be of type integer: "string"'],
    [{ tails: 6 }, 'spec.tails: Invalid value: 6: spec.tails in body should be less than or equal to 5'],
    [{ wind: 1.5 }, 'spec.wind: Invalid value: "number": spec.wind in body must be of type integer,string: "number"'],
    [{ note: 'abcdef' }, 'spec.note: Too long: may not be more than 5 bytes'],
    [{ note: 'A' }, 'spec.note: Invalid value: "A": spec.note in body should match \'^[a-z]*$\''],
    [{ strings: [{ name: 'a' }, { name: 'a' }] }, 'spec.strings[1]: Duplicate value: {"name":"a"}'],
    [
      { labels: { a: 1 } },
      'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ],
  ]
  for (const [spec, text] of rules) assert.ok((await refused({ spec })).includes(text), text)
  assert.match(
    await kubectl.fail('apply -f -', KITE.replace('color:', 'colour: x\n  color:')),
    /unknown field "spec\.colour"/,
  )
  await kubectl.show('apply --validate=ignore -f -', KITE.replace('color:', 'colour: x\n  color:'))
  assert.equal(await kubectl.show("get kite one -o 'jsonpath={.spec.colour}'"), '')
  assert.match(
    await kubectl.fail('patch kite one --type=strategic -p {"spec":{"tails":3}}'),
    /strategic merge patch|media type|unable to find api field/i,
  )
})

test('status, scale and versions of the new kind', { skip: unavailable }, async () => {
  await using kubectl = await withDefinition()
  await kubectl.show('apply -f -', `${KITE}status: {tails: 9}\n`)
  assert.equal(await kubectl.show("get kite one -o 'jsonpath={.status}'"), '')
  const status = { tails: 1, selector: 'app=kite', conditions: [{ type: 'Flying', status: 'True' }] }
  await kubectl.show(
    `patch kite one --subresource=status --type=merge -p ${JSON.stringify({ status, spec: { color: 'blue' } })}`,
  )
  assert.equal(await kubectl.show('get kite one --no-headers'), 'one red 2 True AGE')
  assert.equal(await kubectl.show('scale kite one --replicas=4'), 'kite.sky.example.com/one scaled')
  assert.equal(await kubectl.show("get kite one -o 'jsonpath={.spec.tails}'"), '4')
  const scale = JSON.parse(await kubectl.show('get --raw /apis/sky.example.com/v1/namespaces/default/kites/one/scale'))
  assert.deepEqual([scale.spec, scale.status], [{ replicas: 4 }, { replicas: 1, selector: 'app=kite' }])
  const older = await kubectl.run('get kites.v1beta1.sky.example.com one -o json')
  assert.equal(JSON.parse(older.stdout).apiVersion, 'sky.example.com/v1beta1')
  const labelled = await kubectl.run('label kites.v1beta1.sky.example.com one high=yes')
  assert.match(labelled.stderr, /Warning: sky\.example\.com\/v1beta1 Kite is deprecated/)
  assert.equal(await kubectl.show('get kites -l high=yes -o name'), 'kite.sky.example.com/one')
  assert.equal(
    await kubectl.show(
      'apply --server-side --field-manager=other -f -',
      'apiVersion: sky.example.com/v1\nkind: Kite\nmetadata: {name: one}\nspec: {strings: [{name: third}]}\n',
    ),
    'kite.sky.example.com/one serverside-applied',
  )
  assert.equal(await kubectl.show("get kite one -o 'jsonpath={.spec.strings[*].name}'"), 'left right third')
})

test('bad definitions are refused, and names are taken once', { skip: unavailable }, async () => {
  await using kubectl = await withDefinition()
  const refused = async (from: string | RegExp, to: string) => kubectl.fail('apply -f -', DEFINITION.replace(from, to))
  assert.match(
    await refused('kites.sky.example.com', 'x.sky.example.com'),
    /metadata\.name: Invalid value: "x\.sky\.example\.com": must be spec\.names\.plural\+"\."\+spec\.group/,
  )
  assert.match(
    await refused('note: {type: string,', 'note: {'),
    /properties\[note\]\.type: Required value: must not be empty for specified object fields/,
  )
  assert.match(await refused('default: 2', 'default: 9'), /properties\[tails\]\.default: Invalid value: 9/)
  assert.match(
    await refused('storage: false', 'storage: true'),
    /must have exactly one version marked as storage version/,
  )
  assert.match(
    await refused('jsonPath: .spec.color', "jsonPath: '.spec['"),
    /additionalPrinterColumns\[0\]\.jsonPath: Invalid value: "\.spec\["/,
  )
  assert.match(
    await refused('scope: Namespaced', 'scope: Cluster'),
    /spec\.scope: Invalid value: "Cluster": field is immutable/,
  )
  const rival = DEFINITION.replace('kites.sky', 'dragons.sky').replace('plural: kites', 'plural: dragons')
  await kubectl.show('apply -f -', rival)
  assert.equal(
    await kubectl.show("get crd dragons.sky.example.com -o 'jsonpath={.status.conditions[*].reason}'"),
    'ListKindConflict NotAccepted',
  )
  assert.match(
    await kubectl.fail('get --raw /apis/sky.example.com/v1/dragons'),
    /could not find the requested resource/,
  )
})
