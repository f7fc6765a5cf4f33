import { createPrivateKey, X509Certificate } from 'node:crypto'
import { formatTime } from '../../base/time.ts'
import { certificatesOf, NLB_LISTENERS } from '../nlb/model.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { requireCertificate } from './find.ts'
import { LISTENERS, type Listener, SERVER_CERTIFICATES, type ServerCertificate } from './model.ts'

/** The store of server certificates. */
export const CERTIFICATE_ACTIONS: readonly (readonly [string, Action])[] = [
  ['UploadServerCertificate', uploadServerCertificate],
  ['DeleteServerCertificate', deleteServerCertificate],
  ['SetServerCertificateName', setServerCertificateName],
  ['DescribeServerCertificates', describeServerCertificates],
]

const ACCOUNT_ID = '1234567890123456'

function uploadServerCertificate({ parameters, transaction, now }: Call): object {
  const count = transaction.list(SERVER_CERTIFICATES).length
  requireQuota(transaction, 'slb_quota_certs_num', { wanted: count + 1, code: 'CertificateNumberOverLimit' })
  const [certificatePem, privateKeyPem] = [parameters.required('ServerCertificate'), parameters.required('PrivateKey')]
  const certificate = readCertificate(certificatePem)
  requireMatchingKey(certificate, privateKeyPem)
  const fingerprint = certificate.fingerprint.toLowerCase()
  const id = `${ACCOUNT_ID}_${now.toString(16)}_${fingerprint.replaceAll(':', '').slice(0, 16)}`
  const document: ServerCertificate = {
    id,
    name: parameters.string('ServerCertificateName') ?? id,
    certificatePem,
    privateKeyPem,
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '',
    alternativeNames: alternativeNames(certificate),
    fingerprint,
    expiresAt: Date.parse(certificate.validTo),
    createdAt: now,
  }
  transaction.put(SERVER_CERTIFICATES, id, document)
  return view(document)
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new Refusal('CertificateAndPrivateKeyMismatch', 'Cannot read ServerCertificate: give a certificate in PEM.')
  }
}

function requireMatchingKey(certificate: X509Certificate, pem: string): void {
  const matches = () => {
    try {
      return certificate.checkPrivateKey(createPrivateKey(pem))
    } catch {
      return false
    }
  }
  if (!matches())
    throw new Refusal(
      'CertificateAndPrivateKeyMismatch',
      'The PrivateKey is not that of the ServerCertificate, or not in PEM.',
    )
}

function alternativeNames({ subjectAltName }: X509Certificate): string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .flatMap((name) => (name.startsWith('DNS:') ? [name.slice('DNS:'.length)] : []))
}

function deleteServerCertificate({ parameters, transaction }: Call): object {
  const { id } = requireCertificate(transaction, parameters.required('ServerCertificateId'))
  const user = transaction.list(LISTENERS).find((listener) => usesCertificate(listener, id))
  if (user !== undefined) {
    throw new Refusal(
      'CertificateNotAllowedDelete',
      `The certificate ${id} is in use by the listener ${user.protocol}:${user.port} of ${user.loadBalancerId}.`,
    )
  }
  const other = transaction.list(NLB_LISTENERS).find((listener) => certificatesOf(listener).includes(id))
  if (other !== undefined) {
    throw new Refusal(
      'CertificateNotAllowedDelete',
      `The certificate ${id} is in use by the listener ${other.id} of ${other.loadBalancerId}.`,
    )
  }
  transaction.delete(SERVER_CERTIFICATES, id)
  return {}
}

function usesCertificate({ layer7 }: Listener, id: string): boolean {
  return (
    layer7?.tls?.certificateId === id ||
    layer7?.tls?.domainExtensions.some((extension) => extension.certificateId === id) === true
  )
}

function setServerCertificateName({ parameters, transaction }: Call): object {
  const certificate = requireCertificate(transaction, parameters.required('ServerCertificateId'))
  transaction.put(SERVER_CERTIFICATES, certificate.id, {
    ...certificate,
    name: parameters.required('ServerCertificateName'),
  })
  return {}
}

function describeServerCertificates({ parameters, transaction }: Call): object {
  const id = parameters.string('ServerCertificateId')
  const found = transaction.list(SERVER_CERTIFICATES).filter((certificate) => id === undefined || certificate.id === id)
  return { ServerCertificates: { ServerCertificate: found.map(view) } }
}

/** The private key never leaves the store. */
function view(certificate: ServerCertificate): object {
  return {
    ServerCertificateId: certificate.id,
    ServerCertificateName: certificate.name,
    CommonName: certificate.commonName,
    SubjectAlternativeNames: { SubjectAlternativeName: certificate.alternativeNames },
    Fingerprint: certificate.fingerprint,
    ExpireTime: formatTime(certificate.expiresAt),
    ExpireTimeStamp: certificate.expiresAt,
    CreateTime: formatTime(certificate.createdAt),
    CreateTimeStamp: certificate.createdAt,
    IsAliCloudCertificate: 0,
  }
}
