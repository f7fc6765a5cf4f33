import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { tokenFromProgram } from './exec-credential.ts'
import { inClusterAccess } from './in-cluster.ts'
import { parseKubeconfig } from './kubeconfig.ts'
import { ManualClock } from './manual-clock.ts'
import { tokenFromFile } from './token-file.ts'

describe('credentials that change', () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-access-'))
  })
  after(() => rmSync(directory, { recursive: true }))
  const write = (name: string, text: string, mode = 0o600) => {
    const path = join(directory, name)
    writeFileSync(path, text, { mode })
    return path
  }

  it('a token file is read again after a minute, and its loss survived', () => {
    const clock = new ManualClock()
    const path = write('token', 'one\n')
    const token = tokenFromFile(path, clock)
    write('token', 'two\n')
    clock.pass(59_000)
    assert.equal(token(), 'one')
    clock.pass(1_000)
    assert.equal(token(), 'two')
    rmSync(path)
    clock.pass(60_000)
    assert.equal(token(), 'two')
    assert.throws(() => tokenFromFile(path, clock), { code: 'INVALID_INPUT', message: /Cannot read the token file/ })
    assert.throws(() => tokenFromFile(write('empty', '\n'), clock), { code: 'INVALID_INPUT', message: /it is empty/ })
  })

  it('a pod reaches its own API server', () => {
    write('token', 'secret')
    write('ca.crt', 'CA')
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
    assert.deepEqual(inClusterAccess(environment, directory), {
      context: 'in-cluster',
      server: 'https://[fd00::1]:443',
      caPem: 'CA',
      credentials: { type: 'token-file', path: join(directory, 'token') },
    })
    assert.throws(() => inClusterAccess({}, directory), { code: 'INVALID_INPUT', hint: /--kubeconfig/ })
    assert.throws(() => inClusterAccess(environment, '/nowhere'), {
      code: 'INVALID_INPUT',
      message: /\/nowhere\/token/,
    })
  })

  it('a program that a kubeconfig names is asked for a token, and again when that expires', async () => {
    const script = `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> ${directory}/asked
count=$(wc -l < ${directory}/asked)
echo '{"kind":"ExecCredential","status":{"token":"'"$WHO-$1-$count"'","expirationTimestamp":"1970-01-01T00:10:00Z"}}'
`
    write('login', script, 0o700)
    const text = `
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://k"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [token], env: [{name: WHO, value: me}]}}}]
`
    const { credentials } = await parseKubeconfig(text, { path: join(directory, 'config') })
    assert.equal(credentials.type, 'exec')
    const clock = new ManualClock()
    const token = tokenFromProgram(credentials.type === 'exec' ? credentials.plugin : assert.fail(), clock)
    assert.equal(token(), 'me-token-1')
    clock.pass(570_001)
    assert.equal(token(), 'me-token-2')
  })

  it('a program that fails says how', () => {
    const clock = new ManualClock()
    const plugin = { apiVersion: 'client.authentication.k8s.io/v1', args: [], env: {} }
    const failing =
      (command: string, args: string[] = []) =>
      () =>
        tokenFromProgram({ ...plugin, command, args }, clock)
    const code = 'PROCESS_FAILED'
    assert.throws(failing('/nowhere/login'), { code, message: /Cannot log in with "\/nowhere\/login": .*ENOENT/ })
    assert.throws(failing('sh', ['-c', 'echo no way >&2; exit 3']), { code, message: /ended with 3: no way/ })
    assert.throws(failing('echo', ['hello']), { code, message: /no JSON/ })
    assert.throws(failing('echo', ['{}']), { code, message: /no token/ })
  })
})
