import { containerProblems, problemsOf, testRules } from './test-rules.ts'

const C = 'spec.containers[0]'
const CODES = { operator: 'In', values: [1] }

testRules('containers', {
  at: C,
  problems: containerProblems,
  cases: [
    [{}],
    [{ name: '' }, '.name: Required value'],
    [{ name: 'a.b' }, '.name: Invalid value: "a.b": must not contain dots'],
    [{ image: '' }, '.image: Required value'],
    [{ image: ' i' }, '.image: Invalid value: " i": must not have leading or trailing whitespace'],
    [
      { imagePullPolicy: 'X' },
      '.imagePullPolicy: Unsupported value: "X": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      { terminationMessagePolicy: 'X' },
      '.terminationMessagePolicy: Unsupported value: "X": supported values: "File", "FallbackToLogsOnError"',
    ],
    [{ ports: [{ containerPort: 65_535, hostPort: 1, name: 'a-1', protocol: 'SCTP' }] }],
    [{ ports: [{}] }, '.ports[0].containerPort: Required value'],
    [
      { ports: [{ containerPort: 65_536, hostPort: -1, protocol: 'X' }] },
      '.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
      '.ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive',
      '.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      {
        ports: [
          { containerPort: 1, name: 'a', hostPort: 5, protocol: 'TCP' },
          { containerPort: 2, name: 'a', hostPort: 5, protocol: 'TCP' },
        ],
      },
      '.ports[1].name: Duplicate value: "a"',
      '.ports[1].hostPort: Duplicate value: "TCP//5"',
    ],
    [
      {
        ports: [
          { containerPort: 1, hostPort: 5 },
          { containerPort: 1, hostPort: 5, protocol: 'UDP' },
        ],
      },
    ],
    [{ restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: CODES }] }],
    [
      { restartPolicyRules: [{ action: 'Stop' }] },
      '.restartPolicy: Required value: must specify restartPolicy when restart rules are used',
      '.restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
      '.restartPolicyRules[0].exitCodes: Required value: must be specified',
    ],
    [
      { resources: { claims: [{ name: 'gpu' }] } },
      '.resources.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty',
    ],
  ],
})

testRules('containers of a pod', {
  at: 'spec.',
  problems: problemsOf,
  cases: [
    [{ containers: [] }, 'containers: Required value'],
    [
      {
        containers: [
          { name: 'c', image: 'i' },
          { name: 'c', image: 'i' },
        ],
      },
      'containers[1].name: Duplicate value: "c"',
    ],
    [{ initContainers: [{ name: 'c', image: 'i' }] }, 'initContainers[0].name: Duplicate value: "c"'],
    [
      { initContainers: [{ name: 'i', image: 'i', lifecycle: {}, readinessProbe: { tcpSocket: { port: 1 } } }] },
      'initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always',
      'initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      {
        initContainers: [
          { name: 'i', image: 'i', restartPolicy: 'Always', lifecycle: {}, livenessProbe: { tcpSocket: { port: 1 } } },
        ],
      },
    ],
    [
      {
        hostNetwork: true,
        containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 81, protocol: 'TCP' }] }],
      },
      'containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
    ],
  ],
})
