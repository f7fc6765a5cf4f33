import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueCertificate,
  loadCertificateAuthority,
} from '../apiserver/pki/certificate-authority.ts'
import { generateTokenKey } from '../apiserver/pki/service-account-token.ts'
import { writeFileAtomic } from '../base/atomic-file.ts'
import type { Clock } from '../base/clock.ts'
import type { ClusterSpec } from './cluster-spec.ts'

/** Every certificate and key of a cluster. They are made once and kept, so that a restart keeps every client. */
export interface ClusterPki {
  readonly caPem: string
  readonly apiServer: KeyPair
  readonly admin: KeyPair
  /** All node proxies are one user, as with upstream's kubeconfig for kube-proxy. */
  readonly proxy: KeyPair
  /** By node name. */
  readonly nodes: ReadonlyMap<string, KeyPair>
  /** Private key that signs service account tokens. */
  readonly tokenKeyPem: string
}

export interface ClusterPkiOptions {
  readonly directory: string
  readonly spec: ClusterSpec
  /** Addresses that the API server is reached at. */
  readonly apiAddresses: readonly string[]
  readonly clock: Clock
}

/** Reads the cluster's certificates, and makes those that are missing. */
export async function openClusterPki(options: ClusterPkiOptions): Promise<ClusterPki> {
  const { directory, spec, apiAddresses, clock } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const authority = await openAuthority(directory, clock)
  const certify = (name: string, request: Parameters<typeof issueCertificate>[1]) =>
    keptPair(directory, name, () => issueCertificate(authority, request))
  const client = (name: string, commonName: string, ...organizations: string[]) =>
    certify(name, { commonName, organizations, usages: ['client'] })
  const kubelet = (name: string) => client(`kubelet-${name}`, `system:node:${name}`, 'system:nodes')
  const [apiServer, admin, proxy, ...kubelets] = await Promise.all([
    certify('apiserver', {
      commonName: 'kube-apiserver',
      dnsNames: apiServerNames(spec.clusterDomain),
      addresses: apiAddresses,
      usages: ['server'],
    }),
    client('admin', 'kubernetes-admin', 'system:masters'),
    client('kube-proxy', 'system:kube-proxy'),
    ...spec.nodes.map(({ name }) => kubelet(name)),
  ])
  return {
    caPem: authority.certificatePem,
    apiServer,
    admin,
    proxy,
    nodes: new Map(spec.nodes.flatMap(({ name }, i) => (kubelets[i] === undefined ? [] : [[name, kubelets[i]]]))),
    tokenKeyPem: keptText(directory, 'service-account.key', generateTokenKey),
  }
}

function apiServerNames(domain: string): string[] {
  const name = 'kubernetes'
  return ['localhost', name, `${name}.default`, `${name}.default.svc`, `${name}.default.svc.${domain}`]
}

async function openAuthority(directory: string, clock: Clock): Promise<CertificateAuthority> {
  const kept = readPair(directory, 'ca')
  if (kept !== undefined) return loadCertificateAuthority(kept, clock)
  const authority = await createCertificateAuthority({ commonName: 'fairlead-ca', clock })
  writePair(directory, 'ca', authority)
  return authority
}

async function keptPair(directory: string, name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const kept = readPair(directory, name)
  if (kept !== undefined) return kept
  const made = await make()
  writePair(directory, name, made)
  return made
}

function readPair(directory: string, name: string): KeyPair | undefined {
  const [certificate, key] = pairPaths(directory, name)
  // The key is written last: without it the pair is a crash's leftover and made anew.
  if (!existsSync(key)) return undefined
  return { certificatePem: readFileSync(certificate, 'utf8'), privateKeyPem: readFileSync(key, 'utf8') }
}

function writePair(directory: string, name: string, pair: KeyPair): void {
  const [certificate, key] = pairPaths(directory, name)
  writeFileAtomic(certificate, pair.certificatePem, 0o644)
  writeFileAtomic(key, pair.privateKeyPem)
}

function pairPaths(directory: string, name: string): [certificate: string, key: string] {
  return [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
}

function keptText(directory: string, name: string, make: () => string): string {
  const path = join(directory, name)
  if (!existsSync(path)) writeFileAtomic(path, make())
  return readFileSync(path, 'utf8')
}
