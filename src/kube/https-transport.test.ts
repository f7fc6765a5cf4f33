import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueCertificate,
} from '../apiserver/pki/certificate-authority.ts'
import { systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { createHttpsTransport, type HttpsTransport, type HttpsTransportOptions } from './https-transport.ts'
import type { TransportResponse } from './transport.ts'

async function textOf({ body }: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('createHttpsTransport()', () => {
  let authority: CertificateAuthority
  let identity: KeyPair
  let client: KeyPair
  let server: Server
  let port: number
  let connections: TLSSocket[]
  let handle: RequestListener
  let transports: HttpsTransport[]

  before(async () => {
    authority = await createCertificateAuthority({ commonName: 'test', clock: systemClock })
    const hosts = { dnsNames: ['localhost'], addresses: ['127.0.0.1'] }
    identity = await issueCertificate(authority, { commonName: 'server', ...hosts, usages: ['server'] })
    client = await issueCertificate(authority, { commonName: 'system:node:n1', usages: ['client'] })
  })

  beforeEach(async () => {
    transports = []
    await listen(0)
  })

  afterEach(async () => {
    for (const transport of transports) transport.close()
    await closeServer()
  })

  async function listen(wanted: number): Promise<void> {
    connections = []
    handle = (request, response) => {
      request.resume()
      request.on('end', () => response.end(`${request.method} ${request.url}`))
    }
    const { certificatePem: cert, privateKeyPem: key } = identity
    const options = { cert, key, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: false }
    server = createServer(options, (request, response) => handle(request, response))
    server.on('secureConnection', (socket) => connections.push(socket))
    server.listen(wanted, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }

  async function closeServer(): Promise<void> {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }

  function open(options: Partial<HttpsTransportOptions> = {}): HttpsTransport {
    const address = `https://127.0.0.1:${port}`
    const transport = createHttpsTransport({ server: address, caPem: authority.certificatePem, ...options })
    transports.push(transport)
    return transport
  }

  it('makes a burst of requests over few connections, beside what watches have', async () => {
    const transport = open()
    handle = (request, response) => {
      if (request.url?.includes('watch')) response.write('{}\n')
      else setImmediate(() => response.end('x'))
    }
    const watch = await transport.request({ method: 'GET', path: '/a?watch=1' })
    const burst = Array.from({ length: 100 }, () => transport.request({ method: 'GET', path: '/b' }).then(textOf))
    assert.equal((await Promise.all(burst)).join(''), 'x'.repeat(100))
    assert.equal(connections.length, 17)
    assert.equal(watch.status, 200)
  })

  it('sends method, path, headers, token and body, and gives back status, headers and body', async () => {
    handle = async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      response.writeHead(201, { 'X-Answer': 'yes' })
      const { authorization, 'content-type': type } = request.headers
      response.end(JSON.stringify([request.method, request.url, authorization, type, Buffer.concat(chunks).toString()]))
    }
    const response = await open({ token: () => 'secret', server: `https://localhost:${port}/prefix/` }).request({
      method: 'POST',
      path: '/api/v1/pods?x=1',
      headers: { 'content-type': 'application/json' },
      body: '{"ä":1}',
    })
    assert.equal(response.status, 201)
    assert.equal(response.headers['x-answer'], 'yes')
    assert.deepEqual(JSON.parse(await textOf(response)), [
      'POST',
      '/prefix/api/v1/pods?x=1',
      'Bearer secret',
      'application/json',
      '{"ä":1}',
    ])
  })

  it('shows its client certificate', async () => {
    handle = (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN)
    const { certificatePem: clientCertificatePem, privateKeyPem: clientKeyPem } = client
    const response = await open({ clientCertificatePem, clientKeyPem }).request({ method: 'GET', path: '/' })
    assert.equal(await textOf(response), 'system:node:n1')
  })

  it('uses one connection for requests in turn, and resumes the TLS session on the next', async () => {
    const transport = open()
    for (let i = 0; i < 5; i++) await textOf(await transport.request({ method: 'GET', path: '/' }))
    assert.equal(connections.length, 1)
    const both = await Promise.all([1, 2].map(() => transport.request({ method: 'GET', path: '/' })))
    await Promise.all(both.map(textOf))
    assert.equal(connections.length, 2)
    assert.equal(connections[1]?.isSessionReused(), true)
  })

  it('refuses a server with a certificate of another authority', async () => {
    const { certificatePem: caPem } = await createCertificateAuthority({ commonName: 'other', clock: systemClock })
    const request = open({ caPem }).request({ method: 'GET', path: '/' })
    await assert.rejects(request, {
      code: 'API_UNREACHABLE',
      message: /^Cannot GET \/ at https:\/\/127\.0\.0\.1:\d+: self-signed certificate in certificate chain$/,
    })
  })

  it('streams a watch as it comes, and ends it when the signal aborts', async () => {
    let write = (_: string) => {}
    let closed = false
    handle = (request, response) => {
      response.writeHead(200)
      response.flushHeaders()
      write = (text) => response.write(text)
      request.once('close', () => {
        closed = true
      })
    }
    const stop = new AbortController()
    const transport = open({ timeoutMs: 20 })
    const { body } = await transport.request({ method: 'GET', path: '/api/v1/pods?watch=true', signal: stop.signal })
    const chunks = body[Symbol.asyncIterator]()
    // Longer than the time-out of requests that are no watches.
    await new Promise((resolve) => setTimeout(resolve, 60))
    for (const text of ['one', 'two']) {
      write(text)
      assert.equal(Buffer.from((await chunks.next()).value).toString(), text)
    }
    const next = chunks.next()
    const reason = new FairleadError('TIMEOUT', 'enough')
    stop.abort(reason)
    await assert.rejects(next, reason)
    while (!closed) await new Promise((resolve) => setImmediate(resolve))
  })

  it('ends the connection when reading is given up', async () => {
    handle = (_, response) => response.write('x'.repeat(100))
    const { body } = await open().request({ method: 'GET', path: '/?follow=true' })
    for await (const _ of body) break
    await once(connections[0] ?? assert.fail('no connection'), 'close')
  })

  it('rejects with the reason of a signal, before and during a request', async () => {
    const stop = new AbortController()
    const reason = new FairleadError('TIMEOUT', 'enough')
    handle = () => stop.abort(reason)
    const transport = open()
    await assert.rejects(transport.request({ method: 'GET', path: '/', signal: stop.signal }), reason)
    await assert.rejects(transport.request({ method: 'GET', path: '/', signal: stop.signal }), reason)
  })

  it('gives up on a server that is silent', async () => {
    handle = () => {}
    const transport = open({ timeoutMs: 20 })
    await assert.rejects(transport.request({ method: 'GET', path: '/' }), {
      code: 'API_UNREACHABLE',
      message: /the server was silent for 20 ms$/,
    })
    handle = (_, response) => response.write('half')
    const half = await transport.request({ method: 'GET', path: '/' })
    await assert.rejects(textOf(half), { code: 'API_UNREACHABLE', message: /the server was silent for 20 ms$/ })
  })

  it('says that the server cannot be reached, with the cause', async () => {
    const free = createTcpServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port: closed } = free.address() as AddressInfo
    free.close()
    await once(free, 'close')
    const request = open({ server: `https://127.0.0.1:${closed}` }).request({ method: 'PUT', path: '/api?x=1' })
    const error = await request.catch((thrown) => thrown)
    assert.equal(error.code, 'API_UNREACHABLE')
    assert.match(error.message, /^Cannot PUT \/api at https:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/)
    assert.equal(error.cause.code, 'ECONNREFUSED')
  })

  it('says when the connection breaks within the answer', async () => {
    handle = (request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('part', () => request.socket.destroy())
    }
    const response = await open().request({ method: 'GET', path: '/' })
    await assert.rejects(textOf(response), { code: 'API_UNREACHABLE' })
  })

  it('reaches a server that was restarted, over connections that went stale', async () => {
    const transport = open()
    const warm = await Promise.all([1, 2, 3].map(() => transport.request({ method: 'GET', path: '/' })))
    await Promise.all(warm.map(textOf))
    const old = port
    await closeServer()
    await listen(old)
    // At once: the transport may not have heard yet that its connections are closed.
    assert.equal(await textOf(await transport.request({ method: 'GET', path: '/again' })), 'GET /again')
  })

  it('connects over sockets that it is given', async () => {
    const dialled: Socket[] = []
    const dial = async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      dialled.push(socket)
      return socket
    }
    // Nobody listens there: only the given socket leads to the server.
    const transport = open({ server: 'https://localhost:1', dial })
    const both = await Promise.all([1, 2].map(() => transport.request({ method: 'GET', path: '/' })))
    await Promise.all(both.map(textOf))
    assert.equal(await textOf(await transport.request({ method: 'GET', path: '/' })), 'GET /')
    assert.equal(dialled.length, 2)
    const failing = open({ dial: () => Promise.reject(new FairleadError('SYSCALL_FAILED', 'no such namespace')) })
    await assert.rejects(failing.request({ method: 'GET', path: '/' }), {
      code: 'API_UNREACHABLE',
      message: /no such namespace$/,
    })
  })

  it('refuses servers and certificates that are none', () => {
    assert.throws(() => open({ server: 'http://x' }), {
      code: 'INVALID_INPUT',
      message: /"http:\/\/x": expected a URL/,
    })
    assert.throws(() => open({ clientCertificatePem: 'x', clientKeyPem: 'y' }), { code: 'INVALID_INPUT' })
  })
})
