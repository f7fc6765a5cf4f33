import { containerProblems, testRules } from './test-rules.ts'

const exec = { command: ['x'] }
const AT = 'spec.containers[0].livenessProbe'

testRules('probes', {
  at: AT,
  problems: (livenessProbe) => containerProblems({ livenessProbe }),
  cases: [
    [{ exec, initialDelaySeconds: 0, timeoutSeconds: 1, terminationGracePeriodSeconds: 1 }],
    [{}, ': Required value: must specify a handler type'],
    [{ exec: {} }, '.exec.command: Required value'],
    [
      { exec, tcpSocket: { port: 80 }, httpGet: { port: 80 } },
      '.httpGet: Forbidden: may not specify more than 1 handler type',
      '.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
    [{ tcpSocket: { port: 65_536 } }, '.tcpSocket.port: Invalid value: 65536: must be between 1 and 65535, inclusive'],
    [{ grpc: { port: 0 } }, '.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    [{ httpGet: { port: 'http', path: '/', scheme: 'HTTPS', httpHeaders: [{ name: 'X-A', value: '1' }] } }],
    [
      { httpGet: { port: 80, scheme: 'FTP', httpHeaders: [{ name: 'A B' }] } },
      '.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      `.httpGet.httpHeaders: Invalid value: "A B": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
    ],
    [
      { exec, failureThreshold: -1, periodSeconds: -1 },
      '.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
      '.failureThreshold: Invalid value: -1: must be greater than or equal to 0',
    ],
    [{ exec, successThreshold: 2 }, '.successThreshold: Invalid value: 2: must be 1'],
    [
      { exec, terminationGracePeriodSeconds: 0 },
      '.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0',
    ],
  ],
})

testRules('readiness probes', {
  at: 'spec.containers[0].readinessProbe',
  problems: (readinessProbe) => containerProblems({ readinessProbe }),
  cases: [
    [{ exec, successThreshold: 2 }],
    [
      { exec, terminationGracePeriodSeconds: 5 },
      '.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes',
    ],
  ],
})

testRules('hooks', {
  at: 'spec.containers[0].lifecycle.preStop',
  problems: (preStop) => containerProblems({ lifecycle: { preStop } }, { terminationGracePeriodSeconds: 30 }),
  cases: [
    [{ sleep: { seconds: 30 } }],
    [{ sleep: { seconds: 0 } }],
    [
      { sleep: { seconds: 31 } },
      '.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
    ],
    [{}, ': Required value: must specify a handler type'],
    [{ exec, sleep: { seconds: 1 } }, '.sleep: Forbidden: may not specify more than 1 handler type'],
  ],
})
