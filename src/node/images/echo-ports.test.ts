import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { declaredPorts, echoPorts } from './echo-ports.ts'

const shown = (args: string[], env: Record<string, string> = {}) =>
  echoPorts(args, env)
    .map(({ protocol, port }) => `${protocol}:${port}`)
    .join(',')

describe('the ports of the echo server', () => {
  test('are the ones of its arguments', () => {
    assert.equal(
      shown(['--http=8080,8081', '--udp=53'], { ECHO_TCP: '9', FAIRLEAD_PORTS: 'http:80' }),
      'http:8080,http:8081,udp:53',
    )
  })
  test('else of its variables', () => {
    assert.equal(shown(['-g', 'daemon off;'], { ECHO_TCP: '9', FAIRLEAD_PORTS: 'http:80' }), 'tcp:9')
  })
  test('else the declared ones', () => {
    const declared = declaredPorts([
      { containerPort: 8080 },
      { name: 'tcp', containerPort: 9000 },
      { name: 'tcp-db', containerPort: 9001, protocol: 'TCP' },
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { containerPort: 7, protocol: 'SCTP' },
    ])
    assert.equal(declared, 'http:8080,tcp:9000,tcp:9001,udp:53')
    assert.equal(shown([], { FAIRLEAD_PORTS: declared, FAIRLEAD_DEFAULT_PORT: '5678' }), declared)
  })
  test('else the one that the replaced image is known for, else 80', () => {
    assert.equal(shown([], { FAIRLEAD_PORTS: '', FAIRLEAD_DEFAULT_PORT: '5678' }), 'http:5678')
    assert.equal(shown([]), 'http:80')
  })
  test('impossible numbers are left out', () => {
    assert.equal(shown(['--http=0,65536,80,x']), 'http:80')
  })
})
