import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KubeConfig } from '@kubernetes/client-node'
import type { KeyPair } from '../../src/apiserver/pki/certificate.ts'
import { createCertificateAuthority, issueCertificate } from '../../src/apiserver/pki/certificate-authority.ts'
import { systemClock } from '../../src/base/clock.ts'

export type ServerOrder =
  | {
      readonly do: 'start'
      readonly directory: string
      readonly port: number
      readonly tls: { readonly certificate: string; readonly privateKey: string; readonly clientAuthority: string }
    }
  /** Forget all history. */
  | { readonly do: 'compact' }

export interface ServerAnswer {
  readonly done: ServerOrder['do']
  readonly port: number
}

const program = fileURLToPath(new URL('./api-server-child.ts', import.meta.url))

/** An API server in a process of its own, which can be killed with -9 and started again in the same place. */
export class ApiServerProcess implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'fl-clients-'))
  readonly #authority: string
  readonly #identity: KeyPair
  readonly #admin: KeyPair
  #child: ChildProcess | undefined
  #port = 0

  private constructor(authority: string, identity: KeyPair, admin: KeyPair) {
    this.#authority = authority
    this.#identity = identity
    this.#admin = admin
  }

  static async start(): Promise<ApiServerProcess> {
    const authority = await createCertificateAuthority({ commonName: 'test', clock: systemClock })
    const own = { commonName: 'kube-apiserver', addresses: ['127.0.0.1'], usages: ['server'] } as const
    const admin = { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] } as const
    const pairs = await Promise.all([issueCertificate(authority, own), issueCertificate(authority, admin)])
    const server = new ApiServerProcess(authority.certificatePem, ...pairs)
    await server.start()
    return server
  }

  /** Starts it, on the port that it had before. */
  async start(): Promise<void> {
    const { certificatePem: certificate, privateKeyPem: privateKey } = this.#identity
    const tls = { certificate, privateKey, clientAuthority: this.#authority }
    this.#child = fork(program, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const { port } = await this.#order({
      do: 'start',
      directory: join(this.#directory, 'store'),
      port: this.#port,
      tls,
    })
    this.#port = port
  }

  /** Kills it with -9. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Makes every version before now too old to watch from. */
  async forgetHistory(): Promise<void> {
    await this.#order({ do: 'compact' })
  }

  /** How `@kubernetes/client-node` reaches it, as an administrator. */
  kubeConfig(): KubeConfig {
    const data = (pem: string) => Buffer.from(pem).toString('base64')
    const config = new KubeConfig()
    config.loadFromClusterAndUser(
      { name: 'test', server: `https://127.0.0.1:${this.#port}`, caData: data(this.#authority), skipTLSVerify: false },
      { name: 'test', certData: data(this.#admin.certificatePem), keyData: data(this.#admin.privateKeyPem) },
    )
    return config
  }

  async #order(order: ServerOrder): Promise<ServerAnswer> {
    const child = this.#child
    if (child === undefined) throw new Error('The API server does not run')
    const answered = once(child, 'message', { signal: AbortSignal.timeout(30_000) })
    child.send(order)
    const [answer] = await answered
    return answer as ServerAnswer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
