import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { KeyPair } from '../src/apiserver/pki/certificate.ts'
import { createCertificateAuthority, issueCertificate } from '../src/apiserver/pki/certificate-authority.ts'
import { type ApiServer, startApiServer } from '../src/apiserver/server.ts'
import { systemClock } from '../src/base/clock.ts'
import { isFairleadError } from '../src/base/error.ts'
import { silentLog } from '../src/base/log.ts'
import { isAlreadyExists, isNotFound } from '../src/kube/api-error.ts'
import type { Client } from '../src/kube/client.ts'
import { createHttpsTransport } from '../src/kube/https-transport.ts'
import { Informer } from '../src/kube/informer.ts'
import { keyOf } from '../src/kube/object-key.ts'
import { configMaps } from '../src/kube/resource.ts'
import { createClient } from '../src/kube/rest-client.ts'
import type { Transport } from '../src/kube/transport.ts'
import type { ConfigMap } from '../src/kube/types/core.ts'
import { openLmdbStore } from '../src/store/lmdb-store.ts'
import type { Store } from '../src/store/store.ts'

const CHANGES = 1_000
const WRITERS = 8

/** One API server, which can be stopped with its store and started again in the same place. */
class RestartableServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'fl-informer-'))
  readonly #authority: string
  readonly #identity: KeyPair
  readonly #admin: KeyPair
  #running: { readonly store: Store; readonly api: ApiServer } | undefined
  port = 0

  private constructor(authority: string, identity: KeyPair, admin: KeyPair) {
    this.#authority = authority
    this.#identity = identity
    this.#admin = admin
  }

  static async create(): Promise<RestartableServer> {
    const authority = await createCertificateAuthority({ commonName: 'test', clock: systemClock })
    const own = { commonName: 'kube-apiserver', addresses: ['127.0.0.1'], usages: ['server'] } as const
    const admin = { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] } as const
    const pairs = await Promise.all([issueCertificate(authority, own), issueCertificate(authority, admin)])
    return new RestartableServer(authority.certificatePem, ...pairs)
  }

  async start(): Promise<void> {
    const store = await openLmdbStore({ directory: join(this.directory, 'store'), log: silentLog, clock: systemClock })
    const { certificatePem: certificate, privateKeyPem: privateKey } = this.#identity
    const api = await startApiServer({
      store,
      tls: { certificate, privateKey, clientAuthority: this.#authority },
      listeners: [{ host: '127.0.0.1', port: this.port }],
      bootstrap: {
        advertise: { address: '192.168.0.2', port: 6443 },
        serviceCidrs: ['10.96.0.0/16'],
        kubernetesIp: '10.96.0.1',
      },
      log: silentLog,
    })
    this.port = api.addresses[0]?.port ?? 0
    this.#running = { store, api }
  }

  async stop(): Promise<void> {
    await this.#running?.api[Symbol.asyncDispose]()
    await this.#running?.store[Symbol.asyncDispose]()
    this.#running = undefined
  }

  client(): { client: Client; lists: () => number; close: () => void } {
    const transport = createHttpsTransport({
      server: `https://127.0.0.1:${this.port}`,
      caPem: this.#authority,
      clientCertificatePem: this.#admin.certificatePem,
      clientKeyPem: this.#admin.privateKeyPem,
    })
    let lists = 0
    const counting: Transport = {
      async request(request) {
        const response = await transport.request(request)
        if (request.method === 'GET' && !request.path.includes('watch=')) lists++
        return response
      },
    }
    return { client: createClient(counting), lists: () => lists, close: () => transport.close() }
  }
}

/** Changes objects of its own, in turn created, changed and deleted; notes the versions that were acknowledged. */
async function write(client: Client, writer: number, acknowledged: Set<string>): Promise<void> {
  for (let change = 0; change < CHANGES / WRITERS; change++) {
    const key = { namespace: 'default', name: `w${writer}-${change % 5}` }
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { change: String(change) } }
    await retried(async () => {
      if (change % 7 === 6) {
        await client.delete(configMaps, key).catch((error) => assert.ok(isNotFound(error), error))
        return
      }
      const stored = await client.create(configMaps, object).catch((error) => {
        if (isAlreadyExists(error)) return client.update(configMaps, object)
        throw error
      })
      acknowledged.add(`${stored.metadata.name}@${stored.metadata.resourceVersion}`)
    })
  }
}

async function retried(action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await action()
      return
    } catch (error) {
      if (!isFairleadError(error, 'API_UNREACHABLE')) throw error
      await systemClock.sleep(5)
    }
  }
}

describe('an informer of a real API server', () => {
  let server: RestartableServer
  before(async () => {
    server = await RestartableServer.create()
  })
  after(async () => {
    await server.stop()
    rmSync(server.directory, { recursive: true, force: true })
  })

  it('sees a thousand changes, none lost and none twice, across a restart of the server', {
    timeout: 60_000,
  }, async () => {
    await server.start()
    const watching = server.client()
    const writing = server.client()
    const stop = new AbortController()
    const informer = new Informer({
      client: watching.client,
      resource: configMaps,
      namespace: 'default',
      log: silentLog,
    })
    const mirror = new Map<string, ConfigMap>()
    const seen = new Set<string>()
    const problems: string[] = []
    const see = (object: ConfigMap) => {
      const version = `${object.metadata.name}@${object.metadata.resourceVersion}`
      if (seen.has(version)) problems.push(`${version} came twice`)
      seen.add(version)
      mirror.set(keyOf(object), object)
    }
    informer.on({
      added: (object) => {
        if (mirror.has(keyOf(object))) problems.push(`${keyOf(object)} was added twice`)
        see(object)
      },
      updated: (object, old) => {
        if (mirror.get(keyOf(object)) !== old) problems.push(`${keyOf(object)} was updated from another state`)
        see(object)
      },
      deleted: (object) => {
        if (!mirror.delete(keyOf(object))) problems.push(`${keyOf(object)} was deleted twice`)
      },
    })
    const run = informer.run(stop.signal)
    await informer.synced

    const acknowledged = new Set<string>()
    const writers = Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => write(writing.client, writer, acknowledged)),
    )
    while (acknowledged.size < CHANGES / 3) await systemClock.sleep(1)
    await server.stop()
    await server.start()
    await writers

    const last: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'last' } }
    await writing.client.create(configMaps, last)
    while (!mirror.has('default/last')) await systemClock.sleep(1)
    const { items } = await writing.client.list(configMaps, { namespace: 'default' })
    const versions = (objects: Iterable<ConfigMap>) =>
      [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort()
    assert.deepEqual(problems, [])
    assert.deepEqual(versions(mirror.values()), versions(items))
    assert.deepEqual(versions(informer.list()), versions(items))
    // The server kept its history over the restart, so that no second list was needed: then each version was seen.
    assert.equal(watching.lists(), 1)
    assert.deepEqual(
      [...acknowledged].filter((version) => !seen.has(version)),
      [],
    )
    stop.abort()
    await run
    watching.close()
    writing.close()
  })
})
