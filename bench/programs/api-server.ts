/** The API server alone, for `bench/api.ts`: `api-server.ts PKI-FILE STORE-DIRECTORY`; prints its port when it answers. */
import { mkdirSync, readFileSync } from 'node:fs'
import type { KeyPair } from '../../src/apiserver/pki/certificate.ts'
import { createTokenSigner } from '../../src/apiserver/pki/service-account-token.ts'
import { startApiServer } from '../../src/apiserver/server.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createLog } from '../../src/base/log.ts'
import { openLmdbStore } from '../../src/store/lmdb-store.ts'

const [, , pkiFile = '', directory = ''] = process.argv
const pki = JSON.parse(readFileSync(pkiFile, 'utf8')) as {
  readonly authority: string
  readonly server: KeyPair
  readonly tokenKeyPem: string
}
const log = createLog({ component: 'apiserver', level: 'warn' })
mkdirSync(directory, { recursive: true })
const store = await openLmdbStore({ directory, log, clock: systemClock })
const api = await startApiServer({
  store,
  tls: {
    certificate: pki.server.certificatePem,
    privateKey: pki.server.privateKeyPem,
    clientAuthority: pki.authority,
  },
  listeners: [{ host: '127.0.0.1', port: 0 }],
  tokens: createTokenSigner({ keyPem: pki.tokenKeyPem, clock: systemClock }),
  bootstrap: {
    advertise: { address: '127.0.0.1', port: 6443 },
    serviceCidrs: ['10.96.0.0/16'],
    kubernetesIp: '10.96.0.1',
  },
  log,
})
process.once('SIGTERM', async () => {
  await api[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
process.stdout.write(`${api.addresses[0]?.port}\n`)
