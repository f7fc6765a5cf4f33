import { containerProblems, testRules } from './test-rules.ts'

const FIELDS =
  '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
const from = (valueFrom: object, more: object = {}) => ({ env: [{ name: 'a', valueFrom, ...more }] })
const at = '.env[0].valueFrom'

testRules('environment', {
  at: 'spec.containers[0]',
  problems: containerProblems,
  cases: [
    [{ env: [{ name: 'A' }, { name: '1 a', value: 'x' }] }],
    [{ env: [{ name: '' }] }, '.env[0].name: Required value'],
    [
      { env: [{ name: 'a=b' }] },
      `.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
    [from({ fieldRef: { fieldPath: 'status.podIP' } })],
    [from({ fieldRef: { fieldPath: "metadata.labels['a/b']" } })],
    [
      from({ fieldRef: { fieldPath: 'x' } }),
      `${at}.fieldRef.fieldPath: Invalid value: "x": error converting fieldPath: field label not supported: x`,
    ],
    [
      from({ fieldRef: { fieldPath: "spec.nodeName['a']" } }),
      `${at}.fieldRef.fieldPath: Invalid value: "spec.nodeName['a']": error converting fieldPath: field label does not support subscript: spec.nodeName['a']`,
    ],
    [
      from({ fieldRef: { fieldPath: 'status.phase' } }),
      `${at}.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: ${FIELDS}`,
    ],
    [from({ resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } })],
    [from({ resourceFieldRef: { resource: 'requests.hugepages-2Mi', divisor: '1Mi' } })],
    [
      from({ resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } }),
      `${at}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
    [
      from({ resourceFieldRef: { resource: 'cpu' } }),
      `${at}.resourceFieldRef.resource: Unsupported value: "cpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
    ],
    [from({ secretKeyRef: { name: 'a', key: 'k' } })],
    [from({ configMapKeyRef: { name: 'a', key: '' } }), `${at}.configMapKeyRef.key: Required value`],
    [
      from({}),
      `${at}: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
    ],
    [
      from({ fieldRef: { fieldPath: 'metadata.name' } }, { value: 'x' }),
      `${at}: Invalid value: "": may not be specified when \`value\` is not empty`,
    ],
    [
      from({ fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 'a', key: 'k' } }),
      `${at}: Invalid value: "": may not have more than one field specified at a time`,
    ],
    [{ envFrom: [{ prefix: 'P_', configMapRef: { name: 'a' } }] }],
    [
      { envFrom: [{ configMapRef: {} }, {}] },
      '.envFrom[0].configMapRef.name: Required value',
      '.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
    ],
  ],
})
