import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { connect, type PeerCertificate, TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { kubeconfig } from '../../kube/kubeconfig.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueCertificate,
  loadCertificateAuthority,
} from './certificate-authority.ts'

const run = promisify(execFile)
const scratch: string[] = []

afterEach(() => {
  for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true })
})

const serverRequest = {
  commonName: 'kube-apiserver',
  dnsNames: ['localhost', 'kubernetes.default.svc.cluster.local'],
  addresses: ['127.0.0.1', '10.96.0.1', '::1', 'fd00:10:96::1'],
  usages: ['server'],
} as const
const adminRequest = {
  commonName: 'kubernetes-admin',
  organizations: ['system:masters', 'ops'],
  usages: ['client'],
} as const

describe('certificates', () => {
  it('are what OpenSSL accepts, with the fields that it expects', async () => {
    const authority = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const server = await issueCertificate(authority, serverRequest)
    const directory = files({ 'ca.pem': authority.certificatePem, 'server.pem': server.certificatePem })
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' })
    const purpose = ['-x509_strict', '-purpose', 'sslserver', '-verify_ip', 'fd00:10:96::1']
    assert.match(openssl('verify', ...purpose, '-CAfile', 'ca.pem', 'server.pem'), /OK/)
    assert.throws(() =>
      execFileSync('openssl', ['verify', '-purpose', 'sslclient', '-CAfile', 'ca.pem', 'server.pem'], {
        cwd: directory,
        stdio: 'ignore',
      }),
    )
    const text = openssl('x509', '-in', 'server.pem', '-noout', '-text')
    assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/)
    assert.match(text, /Issuer: CN ?= ?kubernetes\n/)
    assert.match(text, /Key Usage: critical\n\s+Digital Signature\n/)
    assert.match(text, /Extended Key Usage: ?\n\s+TLS Web Server Authentication\n/)
    assert.match(text, /Basic Constraints: critical\n\s+CA:FALSE\n/)
    assert.match(
      text,
      /DNS:localhost, DNS:kubernetes.default.svc.cluster.local, IP Address:127.0.0.1, IP Address:10.96.0.1/,
    )
    const ca = openssl('x509', '-in', 'ca.pem', '-noout', '-text')
    assert.match(ca, /Basic Constraints: critical\n\s+CA:TRUE\n/)
    assert.match(ca, /Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/)
    const keyId = /Subject Key Identifier: ?\n\s+([0-9A-F:]+)/.exec(ca)?.[1] ?? 'none'
    assert.match(text, new RegExp(`Authority Key Identifier: ?\\n\\s+(keyid:)?${keyId}`))
  })

  it('let a server and a client know each other over TLS', async () => {
    const authority = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const peer = await handshake(authority, await issueCertificate(authority, adminRequest))
    assert.equal(peer.subject.CN, 'kubernetes-admin')
    assert.deepEqual([peer.subject.O].flat(), ['system:masters', 'ops'])
    const stranger = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    await assert.rejects(handshake(authority, await issueCertificate(stranger, adminRequest)))
  })

  it('are accepted by kubectl', async () => {
    const authority = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const server = await issueCertificate(authority, serverRequest)
    const admin = await issueCertificate(authority, adminRequest)
    const tls = { key: server.privateKeyPem, cert: server.certificatePem, ca: authority.certificatePem }
    const https = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      assert.ok(request.socket instanceof TLSSocket)
      const { subject } = request.socket.getPeerCertificate()
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ gitVersion: 'v1.36.0', major: '1', minor: '36', platform: subject.CN }))
    })
    https.listen(0, '127.0.0.1')
    await once(https, 'listening')
    try {
      const text = kubeconfig({
        name: 'demo',
        server: `https://127.0.0.1:${(https.address() as AddressInfo).port}`,
        caPem: authority.certificatePem,
        clientCertificatePem: admin.certificatePem,
        clientKeyPem: admin.privateKeyPem,
      })
      const directory = files({ config: text })
      const argv = ['--kubeconfig', join(directory, 'config'), 'version', '-o', 'json']
      const { stdout } = await run('kubectl', argv)
      assert.equal(JSON.parse(stdout).serverVersion.platform, 'kubernetes-admin')
    } finally {
      https.closeAllConnections()
      https.close()
    }
  })

  it('go on being issued by an authority that was written down', async () => {
    const first = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const pair = { certificatePem: first.certificatePem, privateKeyPem: first.privateKeyPem }
    const again = loadCertificateAuthority(pair, systemClock)
    const { subject } = await handshake(first, await issueCertificate(again, adminRequest))
    assert.equal(subject.CN, 'kubernetes-admin')
    const other = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const mixed = { ...pair, privateKeyPem: other.privateKeyPem }
    assert.throws(() => loadCertificateAuthority(mixed, systemClock), { code: 'INVALID_INPUT' })
  })

  it('are issued by an authority that OpenSSL made, whatever identifies its key', async () => {
    const directory = files({})
    const openssl = (line: string) => execFileSync('openssl', line.split(' '), { cwd: directory, stdio: 'pipe' })
    const extensions = '-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign'
    const own = '-addext subjectKeyIdentifier=0a:0b:0c -addext authorityKeyIdentifier=none'
    const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key'
    openssl(`req -x509 ${newKey} -subj /C=DE/O=Example/CN=elsewhere -out ca.pem ${extensions} ${own}`)
    openssl('ec -in ca.key -out ca.sec1.key')
    const read = (name: string) => readFileSync(join(directory, name), 'utf8')
    const authority = loadCertificateAuthority(
      { certificatePem: read('ca.pem'), privateKeyPem: read('ca.sec1.key') },
      systemClock,
    )
    writeFileSync(join(directory, 'server.pem'), (await issueCertificate(authority, serverRequest)).certificatePem)
    assert.match(openssl('verify -x509_strict -CAfile ca.pem server.pem').toString(), /OK/)
    assert.match(openssl('x509 -in server.pem -noout -text').toString(), /Authority Key Identifier: ?\n.*0A:0B:0C/)
  })

  it('say names as they are given, and any address', async () => {
    const authority = await createCertificateAuthority({ commonName: 'a, CN=b', clock: systemClock })
    const name = fc.array(fc.constantFrom(...'#"\\,+=;<> /:0aÄ字'), { minLength: 1, maxLength: 8 })
    const text = fc.oneof(
      name.map((letters) => letters.join('')),
      fc.constantFrom('#0500', '"x"', 'system:node:n1'),
    )
    const request = fc.record({
      commonName: text,
      organizations: fc.array(text, { maxLength: 2 }),
      addresses: fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(request, async (wanted) => {
        const { certificatePem } = await issueCertificate(authority, { ...wanted, usages: ['client'] })
        const certificate = new X509Certificate(certificatePem)
        assert.ok(certificate.verify(new X509Certificate(authority.certificatePem).publicKey))
        assert.equal(certificate.issuer, 'CN=a\\, CN=b')
        const { subject } = certificate.toLegacyObject()
        assert.equal(subject.CN, wanted.commonName)
        assert.deepEqual([subject.O ?? []].flat(), wanted.organizations)
        for (const address of wanted.addresses) assert.ok(certificate.checkIP(address), address)
      }),
      { numRuns: 40 },
    )
    const bad = issueCertificate(authority, { ...serverRequest, addresses: ['10.96.0.256'] })
    await assert.rejects(bad, { code: 'INVALID_INPUT' })
  })

  it('start a little in the past, and write years after 2049 in full', async () => {
    const clock = { ...systemClock, now: () => Date.UTC(2048, 11, 31, 12, 0, 0, 789) }
    const authority = await createCertificateAuthority({ commonName: 'kubernetes', clock })
    const { certificatePem } = await issueCertificate(authority, { ...adminRequest, validityDays: 400 })
    const { validFrom, validTo } = new X509Certificate(certificatePem)
    assert.equal(validFrom, 'Dec 31 11:55:00 2048 GMT')
    assert.equal(validTo, 'Feb  4 12:00:00 2050 GMT')
  })

  it('have serial numbers that do not repeat', async () => {
    const authority = await createCertificateAuthority({ commonName: 'kubernetes', clock: systemClock })
    const pairs = await Promise.all(Array.from({ length: 20 }, () => issueCertificate(authority, adminRequest)))
    const serials = pairs.map((pair) => new X509Certificate(pair.certificatePem).serialNumber)
    assert.equal(new Set(serials).size, 20)
    // 128 random bits; leading zeros are not written.
    assert.ok(serials.every((serial) => serial.length >= 26 && serial.length <= 32))
  })
})

/** What the server sees of a client with this certificate; rejects when either does not trust the other. */
async function handshake(
  authority: CertificateAuthority,
  client: { readonly certificatePem: string; readonly privateKeyPem: string },
): Promise<PeerCertificate> {
  const server = await issueCertificate(authority, serverRequest)
  const tls = { key: server.privateKeyPem, cert: server.certificatePem, ca: authority.certificatePem }
  const https = createServer({ ...tls, requestCert: true, rejectUnauthorized: true })
  https.on('tlsClientError', () => {})
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  const accepted = once(https, 'secureConnection') as Promise<[TLSSocket]>
  const { port } = https.address() as AddressInfo
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.certificatePem,
    cert: client.certificatePem,
    key: client.privateKeyPem,
  })
  try {
    await once(socket, 'secureConnect')
    const refused = new Promise<never>((_, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
    socket.resume()
    return (await Promise.race([accepted, refused]))[0].getPeerCertificate()
  } finally {
    socket.on('error', () => {})
    socket.destroy()
    https.close()
  }
}

function files(contents: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-pki-'))
  scratch.push(directory)
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(directory, name), text, { mode: 0o600 })
  return directory
}
