import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import {
  alternativeNames,
  authorityExtensions,
  distinguishedName,
  endEntityExtensions,
  generateKey,
  type Issuer,
  type KeyPair,
  keyIdentifier,
  privateKeyPem,
  publicKeyOf,
  signCertificate,
} from './certificate.ts'
import { itemsOf } from './der.ts'

/** A certificate authority that this process can issue certificates with. */
export interface CertificateAuthority extends KeyPair {
  readonly issuer: Issuer
  readonly clock: Clock
}

export interface CertificateAuthorityOptions {
  readonly commonName: string
  readonly clock: Clock
  /** @default 3650 */
  readonly validityDays?: number
}

export interface CertificateRequest {
  /** Kubernetes' user name in a client certificate. */
  readonly commonName: string
  /** Kubernetes' groups in a client certificate. */
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
  readonly usages: readonly ('server' | 'client')[]
  /** @default 365 */
  readonly validityDays?: number
}

const DAY_MS = 86_400_000
/** Certificates begin this much in the past, for peers whose clock is a little behind. */
const BACKDATED_MS = 300_000
/** Place of the subject among the parts of a version 3 certificate's body. */
const SUBJECT_INDEX = 5

/** Makes an authority with a new key and a certificate signed by itself. */
export function createCertificateAuthority(options: CertificateAuthorityOptions): CertificateAuthority {
  const { commonName, clock, validityDays = 3650 } = options
  const { privateKey, publicKey } = generateKey()
  const name = distinguishedName(commonName)
  const issuer = { name, privateKey, keyIdentifier: keyIdentifier(publicKey) }
  const validity = validFor(clock, validityDays)
  const content = { subject: name, publicKey, ...validity, extensions: authorityExtensions() }
  return { issuer, clock, certificatePem: signCertificate(content, issuer), privateKeyPem: privateKeyPem(privateKey) }
}

/**
 * The authority again, from the PEM that {@link createCertificateAuthority} returned.
 *
 * @throws FairleadError `INVALID_INPUT` when the key is not the certificate's.
 */
export function loadCertificateAuthority(pair: KeyPair, clock: Clock): CertificateAuthority {
  const certificate = new X509Certificate(pair.certificatePem)
  const privateKey = createPrivateKey(pair.privateKeyPem)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new FairleadError('INVALID_INPUT', `The private key is not the one of the certificate ${certificate.subject}`)
  }
  const body = itemsOf(certificate.raw)[0] ?? Buffer.alloc(0)
  const name = itemsOf(body)[SUBJECT_INDEX] ?? Buffer.alloc(0)
  const issuer = { name, privateKey, keyIdentifier: keyIdentifier(publicKeyOf(privateKey)) }
  return { issuer, clock, certificatePem: pair.certificatePem, privateKeyPem: pair.privateKeyPem }
}

/**
 * A certificate for a new key, valid from a little before now.
 *
 * @throws FairleadError `INVALID_INPUT` when one of `addresses` is none.
 */
export function issueCertificate(authority: CertificateAuthority, request: CertificateRequest): KeyPair {
  const { commonName, organizations, dnsNames = [], addresses = [], usages, validityDays = 365 } = request
  const { privateKey, publicKey } = generateKey()
  const content = {
    subject: distinguishedName(commonName, organizations),
    publicKey,
    ...validFor(authority.clock, validityDays),
    extensions: [...endEntityExtensions(usages), ...alternativeNames(dnsNames, addresses)],
  }
  return { certificatePem: signCertificate(content, authority.issuer), privateKeyPem: privateKeyPem(privateKey) }
}

function validFor(clock: Clock, days: number): { readonly notBefore: number; readonly notAfter: number } {
  const now = clock.now()
  return { notBefore: now - BACKDATED_MS, notAfter: now + days * DAY_MS }
}
