import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Holder, Issuer, KeyPair, Validity } from './certificate.ts'

/** A certificate authority that this process can issue certificates with. */
export interface CertificateAuthority extends KeyPair {
  /** Reads the pair when the first certificate is issued, once. */
  readonly issuer: () => Promise<Issuer>
  readonly clock: Clock
}

export interface CertificateAuthorityOptions {
  readonly commonName: string
  readonly clock: Clock
  /** @default 3650 */
  readonly validityDays?: number
}

export interface CertificateRequest extends Holder {
  /** Kubernetes' user name in a client certificate. */
  readonly commonName: string
  /** Kubernetes' groups in a client certificate. */
  readonly organizations?: readonly string[]
  /** @default 365 */
  readonly validityDays?: number
}

const DAY_MS = 86_400_000
/** Certificates begin this much in the past, for peers whose clock is a little behind. */
const BACKDATED_MS = 300_000

/** Makes an authority with a new key and a certificate signed by itself. */
export async function createCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
  const { commonName, clock, validityDays = 3650 } = options
  const { signAuthority } = await import('./certificate.ts')
  const { issuer, ...pair } = await signAuthority({ commonName }, validFor(clock, validityDays))
  return { ...pair, issuer: async () => issuer, clock }
}

/**
 * The authority again, from the PEM that {@link createCertificateAuthority} returned.
 *
 * @throws FairleadError `INVALID_INPUT` when the key is not the certificate's, or not on the curve P-256.
 */
export function loadCertificateAuthority(pair: KeyPair, clock: Clock): CertificateAuthority {
  const { certificatePem, privateKeyPem } = pair
  const certificate = new X509Certificate(certificatePem)
  const privateKey = createPrivateKey(privateKeyPem)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new FairleadError('INVALID_INPUT', `The private key is not the one of the certificate ${certificate.subject}`)
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new FairleadError('INVALID_INPUT', `The key of the authority ${certificate.subject} must be on P-256`)
  }
  let issuer: Promise<Issuer> | undefined
  const open = async () => (await import('./certificate.ts')).openIssuer(pair)
  return { certificatePem, privateKeyPem, issuer: () => (issuer ??= open()), clock }
}

/**
 * A certificate for a new key, valid from a little before now.
 *
 * @throws FairleadError `INVALID_INPUT` when one of `addresses` is none.
 */
export async function issueCertificate(authority: CertificateAuthority, request: CertificateRequest): Promise<KeyPair> {
  const { signCertificate } = await import('./certificate.ts')
  return await signCertificate(
    await authority.issuer(),
    request,
    validFor(authority.clock, request.validityDays ?? 365),
  )
}

function validFor(clock: Clock, days: number): Validity {
  const now = clock.now()
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + days * DAY_MS) }
}
