import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { kubeconfig, loadKubeconfig, parseKubeconfig } from './kubeconfig.ts'

const content = {
  name: 'demo: "x"',
  server: 'https://127.0.0.1:6443',
  caPem: 'CA\n',
  clientCertificatePem: 'CERT\n',
  clientKeyPem: 'KEY\n',
}

describe('kubeconfig', () => {
  it('reads back what it wrote', async () => {
    assert.deepEqual(await parseKubeconfig(kubeconfig(content), { path: 'config' }), {
      context: content.name,
      server: content.server,
      caPem: 'CA\n',
      credentials: { type: 'certificate', certificatePem: 'CERT\n', keyPem: 'KEY\n' },
    })
  })

  it('reads what it wrote as any reader of YAML does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.string(), fc.string(), async (name, caPem, clientKeyPem) => {
        const text = kubeconfig({ ...content, name, caPem, clientKeyPem })
        // Whatever somebody else has touched is read as YAML.
        const touched = `${text}# touched\n`
        const read = (one: string) => parseKubeconfig(one, { path: 'config' }).catch(({ message }: Error) => message)
        assert.deepEqual(await read(text), await read(touched))
      }),
    )
  })

  it('reads files beside it, tokens, and the context that is asked for', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-kubeconfig-'))
    try {
      writeFileSync(join(directory, 'ca.crt'), 'THE CA')
      writeFileSync(join(directory, 'config'), withContexts('tokenFile: token'))
      assert.deepEqual(await loadKubeconfig(join(directory, 'config'), 'second'), {
        context: 'second',
        server: 'https://[::1]:1',
        caPem: 'THE CA',
        serverName: 'kubernetes',
        namespace: 'apps',
        credentials: { type: 'token-file', path: join(directory, 'token') },
      })
      await assert.rejects(loadKubeconfig(join(directory, 'other')), { code: 'NOT_FOUND' })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('says what is wrong', async () => {
    const refusal = async (text: string, context?: string) => {
      const options = { path: 'config', ...(context && { context }) }
      const error = await parseKubeconfig(text, options).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof Error && 'code' in error && error.code === 'INVALID_INPUT', String(error))
      return error.message
    }
    assert.match(await refusal('{}'), /no current-context/)
    assert.match(await refusal('- a'), /not a YAML mapping/)
    assert.match(await refusal('a: [', 'x'), /Cannot read the kubeconfig config/)
    assert.match(await refusal(withContexts('token: x'), 'third'), /no context "third"/)
    assert.match(await refusal(withContexts('token: x'), 'broken'), /no cluster "nowhere"/)
    const withoutCa = (user: string) => withContexts(user).replace('certificate-authority: ca.crt', 'x: y')
    assert.match(await refusal(withoutCa('exec: {args: [login]}'), 'second'), /logs in by "exec" without a command/)
    assert.match(await refusal(withoutCa('username: me'), 'second'), /logs in by "username"/)
  })
})

function withContexts(user: string): string {
  return `
apiVersion: v1
kind: Config
current-context: first
contexts:
- {name: second, context: {cluster: two, user: me, namespace: apps}}
- {name: broken, context: {cluster: nowhere, user: me}}
clusters:
- name: two
  cluster:
    server: https://[::1]:1
    tls-server-name: kubernetes
    certificate-authority: ca.crt
users:
- name: me
  user:
    ${user}
`
}
