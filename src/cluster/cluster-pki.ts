import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import {
  type CertificateRequest,
  createCertificateAuthority,
  issueCertificate,
  loadCertificateAuthority,
} from '../apiserver/pki/certificate-authority.ts'
import { generateTokenKey } from '../apiserver/pki/service-account-token.ts'
import { writeFileAtomic } from '../base/atomic-file.ts'
import type { Clock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
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

/** What of it is kept, by name; in one file, so that a crash leaves all of it or none. */
interface KeptPki {
  readonly pairs: Readonly<Record<string, KeyPair>>
  readonly tokenKeyPem: string
}

const FILE = 'pki.json'

/** Reads the cluster's certificates, and makes those that are missing. */
export async function openClusterPki(options: ClusterPkiOptions): Promise<ClusterPki> {
  const { directory, spec, clock } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, FILE)
  const kept = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as KeptPki) : undefined
  const ca = kept?.pairs.ca ?? (await newAuthority(clock))
  const authority = loadCertificateAuthority(ca, clock)
  const requests = certificateRequests(options)
  const pairs = await Promise.all(
    Object.entries(requests).map(async ([name, request]) => {
      return [name, kept?.pairs[name] ?? (await issueCertificate(authority, request))] as const
    }),
  )
  const all: KeptPki = {
    pairs: { ...kept?.pairs, ca, ...Object.fromEntries(pairs) },
    tokenKeyPem: kept?.tokenKeyPem ?? generateTokenKey(),
  }
  const text = JSON.stringify(all)
  if (text !== JSON.stringify(kept)) writeFileAtomic(path, text)
  return clusterPki(all, spec)
}

async function newAuthority(clock: Clock): Promise<KeyPair> {
  const { certificatePem, privateKeyPem } = await createCertificateAuthority({ commonName: 'fairlead-ca', clock })
  return { certificatePem, privateKeyPem }
}

function clusterPki({ pairs, tokenKeyPem }: KeptPki, spec: ClusterSpec): ClusterPki {
  const pair = (name: string): KeyPair => {
    const found = pairs[name]
    if (found === undefined) throw new FairleadError('BUG', `There is no certificate ${name}`)
    return found
  }
  return {
    caPem: pair('ca').certificatePem,
    apiServer: pair('apiserver'),
    admin: pair('admin'),
    proxy: pair('kube-proxy'),
    nodes: new Map(spec.nodes.map(({ name }) => [name, pair(kubeletName(name))])),
    tokenKeyPem,
  }
}

function certificateRequests({ spec, apiAddresses }: ClusterPkiOptions): Record<string, CertificateRequest> {
  const client = (commonName: string, ...organizations: string[]): CertificateRequest => {
    return { commonName, organizations, usages: ['client'] }
  }
  return {
    apiserver: {
      commonName: 'kube-apiserver',
      dnsNames: apiServerNames(spec.clusterDomain),
      addresses: apiAddresses,
      usages: ['server'],
    },
    admin: client('kubernetes-admin', 'system:masters'),
    'kube-proxy': client('system:kube-proxy'),
    ...Object.fromEntries(
      spec.nodes.map(({ name }) => [kubeletName(name), client(`system:node:${name}`, 'system:nodes')]),
    ),
  }
}

function kubeletName(node: string): string {
  return `kubelet-${node}`
}

function apiServerNames(domain: string): string[] {
  const name = 'kubernetes'
  return ['localhost', name, `${name}.default`, `${name}.default.svc`, `${name}.default.svc.${domain}`]
}
