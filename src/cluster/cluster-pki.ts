import { X509Certificate } from 'node:crypto'
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
import { KUBELET_CLIENT } from '../node/server/kubelet-endpoint.ts'
import type { ClusterSpec, NodeSpec } from './cluster-spec.ts'

/** Every certificate and key of a cluster. They are made once and kept, so that a restart keeps every client. */
export interface ClusterPki {
  readonly caPem: string
  readonly apiServer: KeyPair
  readonly admin: KeyPair
  /** All node proxies are one user, as with upstream's kubeconfig for kube-proxy. */
  readonly proxy: KeyPair
  /** What the API server shows to kubelets, which let nobody else in; it has no rights at the API. */
  readonly kubeletClient: KeyPair
  /** By node name: what a kubelet shows to the API server, and serves with. */
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
const EXTENDED_USAGES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' }

/** Reads the cluster's certificates, and makes those that are missing or no longer say what is needed. */
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
      const pair = kept?.pairs[name]
      return [
        name,
        pair !== undefined && fulfils(pair, request) ? pair : await issueCertificate(authority, request),
      ] as const
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

/** Whether a certificate that was kept holds all names, addresses and usages that are wanted now. */
function fulfils({ certificatePem }: KeyPair, { dnsNames = [], addresses = [], usages }: CertificateRequest): boolean {
  const certificate = new X509Certificate(certificatePem)
  return (
    dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
    addresses.every((address) => certificate.checkIP(address) !== undefined) &&
    usages.every((usage) => certificate.keyUsage?.includes(EXTENDED_USAGES[usage]))
  )
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
    kubeletClient: pair(KUBELET_CLIENT),
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
    [KUBELET_CLIENT]: client(KUBELET_CLIENT),
    ...Object.fromEntries(spec.nodes.map((node) => [kubeletName(node.name), kubeletRequest(node)])),
  }
}

function kubeletRequest({ name, address }: NodeSpec): CertificateRequest {
  return {
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    dnsNames: [name],
    addresses: [address],
    usages: ['client', 'server'],
  }
}

function kubeletName(node: string): string {
  return `kubelet-${node}`
}

function apiServerNames(domain: string): string[] {
  const name = 'kubernetes'
  return ['localhost', name, `${name}.default`, `${name}.default.svc`, `${name}.default.svc.${domain}`]
}
