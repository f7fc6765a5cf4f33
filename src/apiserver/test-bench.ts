/** For tests: an API server of their own on 127.0.0.1, over a store in a temporary directory, with a cluster CA. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import type { Transport } from '../kube/transport.ts'
import { openLmdbStore } from '../store/lmdb-store.ts'
import type { Store } from '../store/store.ts'
import { createLocalTransport } from './local-transport.ts'
import type { KeyPair } from './pki/certificate.ts'
import { createCertificateAuthority, issueCertificate } from './pki/certificate-authority.ts'
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts'

export const admin = { name: 'kubernetes-admin', groups: ['system:masters'] }

export interface TestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any
}

export interface TestBench extends AsyncDisposable {
  readonly api: ApiServer
  readonly store: Store
  readonly directory: string
  readonly port: number
  readonly authority: string
  /** Requests within the process, as an administrator. */
  readonly transport: Transport
  /** Sends a request within the process and parses the answer. */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    type?: string,
  ): Promise<TestAnswer>
  /** A client certificate. */
  certify(name: string, groups: readonly string[]): Promise<KeyPair>
  /** Sends a request over TLS. */
  send(path: string, options?: SendOptions): Promise<TestAnswer>
  /** Writes a kubeconfig of an administrator and returns its path. */
  kubeconfig(): string
}

export interface SendOptions {
  readonly method?: string
  readonly identity?: KeyPair
  readonly token?: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export async function openTestBench(
  options: Partial<ApiServerOptions> & { readonly clock?: Clock } = {},
): Promise<TestBench> {
  const clock = options.clock ?? systemClock
  const directory = mkdtempSync(join(tmpdir(), 'fl-api-'))
  const store = await openLmdbStore({ directory: join(directory, 'store'), log: silentLog, clock })
  const authority = await createCertificateAuthority({ commonName: 'test-ca', clock: systemClock })
  const own = await issueCertificate(authority, {
    commonName: 'kube-apiserver',
    addresses: ['127.0.0.1'],
    usages: ['server'],
  })
  const api = await startApiServer({
    store,
    tls: { certificate: own.certificatePem, privateKey: own.privateKeyPem, clientAuthority: authority.certificatePem },
    listeners: [{ host: '127.0.0.1', port: 0 }],
    bootstrap: {
      advertise: { address: '192.168.0.2', port: 6443 },
      serviceCidrs: ['10.96.0.0/16'],
      kubernetesIp: '10.96.0.1',
    },
    log: silentLog,
    clock,
    ...options,
  })
  const port = api.addresses[0]?.port ?? 0
  const transport = createLocalTransport(api, admin)
  const certify = (commonName: string, organizations: readonly string[]) =>
    issueCertificate(authority, { commonName, organizations, usages: ['client'] })
  const administrator = await certify(admin.name, admin.groups)
  return {
    api,
    store,
    directory,
    port,
    authority: authority.certificatePem,
    transport,
    certify,
    call: (method, path, body, type) =>
      callThrough(transport, { method, path, body, type: type ?? 'application/json' }),
    send: (path, sendOptions = {}) => sendOverTls({ port, authority: authority.certificatePem }, path, sendOptions),
    kubeconfig: () => writeKubeconfig({ directory, port, authority: authority.certificatePem }, administrator),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body: unknown
  readonly type: string
}

async function callThrough(transport: Transport, { method, path, body, type }: Call): Promise<TestAnswer> {
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await transport.request({
    method,
    path,
    headers: { 'content-type': type, accept: 'application/json' },
    ...content,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return { status: answer.status, headers: answer.headers ?? {}, body: parsed(Buffer.concat(chunks)) }
}

interface Place {
  readonly port: number
  readonly authority: string
}

function sendOverTls({ port, authority }: Place, path: string, options: SendOptions): Promise<TestAnswer> {
  const { method = 'GET', identity, token, body, headers } = options
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      host: '127.0.0.1',
      port,
      path,
      method,
      ca: authority,
      agent: false,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(identity === undefined ? {} : { cert: identity.certificatePem, key: identity.privateKeyPem }),
    })
    outgoing.on('error', reject)
    outgoing.on('response', async (incoming) => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: parsed(Buffer.concat(chunks)) })
    })
    outgoing.end(body)
  })
}

function parsed(bytes: Buffer): unknown {
  const text = bytes.toString()
  return text.startsWith('{') ? JSON.parse(text) : text
}

function writeKubeconfig({ directory, port, authority }: Place & { directory: string }, identity: KeyPair): string {
  const data = (pem: string) => Buffer.from(pem).toString('base64')
  const path = join(directory, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': data(authority) } },
    ],
    users: [
      {
        name: 'test',
        user: {
          'client-certificate-data': data(identity.certificatePem),
          'client-key-data': data(identity.privateKeyPem),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}
