import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { requireAddress } from '../../base/ip.ts'
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts'

/** A certificate and the key that it is for, as PEM. */
export interface KeyPair {
  readonly certificatePem: string
  /** PKCS #8. */
  readonly privateKeyPem: string
}

/** Who signs. */
export interface Issuer {
  /** The name as DER. */
  readonly name: Uint8Array
  readonly privateKey: KeyObject
  readonly keyIdentifier: Uint8Array
}

export interface CertificateContent {
  /** The name as DER; see {@link distinguishedName}. */
  readonly subject: Uint8Array
  readonly publicKey: KeyObject
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Extensions besides the key identifiers, each as DER. */
  readonly extensions: readonly Uint8Array[]
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const COMMON_NAME = '2.5.4.3'
const ORGANIZATION = '2.5.4.10'
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const EXTENDED_USAGES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' }

/** A new key on the curve P-256. */
export function generateKey(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/**
 * Signs a certificate with ECDSA and SHA-256 and a random serial number of 127 bits.
 * Source: RFC 5280 §4.1
 */
export function signCertificate(content: CertificateContent, issuer: Issuer): string {
  const version3 = explicit(0, integer(Buffer.from([2])))
  const publicKey = content.publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    ...content.extensions,
    extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(content.publicKey))),
    extension(AUTHORITY_KEY_IDENTIFIER, sequence(implicit(0, issuer.keyIdentifier))),
  ]
  const body = sequence(
    version3,
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(time(content.notBefore), time(content.notAfter)),
    content.subject,
    publicKey,
    explicit(3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, issuer.privateKey)
  return pem('CERTIFICATE', sequence(body, ECDSA_WITH_SHA256, bitString(signature)))
}

/** `O=…, CN=…` as DER. Kubernetes reads groups from the organizations and the user from the common name. */
export function distinguishedName(commonName: string, organizations: readonly string[] = []): Buffer {
  const attribute = (type: string, value: string) => setOf(sequence(objectIdentifier(type), utf8String(value)))
  return sequence(...organizations.map((name) => attribute(ORGANIZATION, name)), attribute(COMMON_NAME, commonName))
}

/** Names a key: SHA-1 of its bits (RFC 5280 §4.2.1.2, method 1). It identifies and protects nothing. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = [Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  return createHash('sha1').update(Buffer.concat(point)).digest()
}

export function publicKeyOf(privateKey: KeyObject): KeyObject {
  return createPublicKey(privateKey)
}

export function privateKeyPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The holder may sign certificates. */
export function authorityExtensions(): readonly Uint8Array[] {
  const certSignAndCrlSign = bitString(Buffer.from([0b0000_0110]), 1)
  return [
    extension(BASIC_CONSTRAINTS, sequence(boolean(true)), 'critical'),
    extension(KEY_USAGE, certSignAndCrlSign, 'critical'),
  ]
}

/** The holder may not sign certificates, but serve or call as what is named. */
export function endEntityExtensions(usages: readonly ('server' | 'client')[]): readonly Uint8Array[] {
  const digitalSignature = bitString(Buffer.from([0b1000_0000]), 7)
  return [
    extension(BASIC_CONSTRAINTS, sequence(), 'critical'),
    extension(KEY_USAGE, digitalSignature, 'critical'),
    extension(EXTENDED_KEY_USAGE, sequence(...usages.map((usage) => objectIdentifier(EXTENDED_USAGES[usage])))),
  ]
}

/** Names and addresses that the holder is reached by. */
export function alternativeNames(dnsNames: readonly string[], addresses: readonly string[]): readonly Uint8Array[] {
  if (dnsNames.length + addresses.length === 0) return []
  const names = dnsNames.map((name) => implicit(2, Buffer.from(name, 'latin1')))
  const bytes = addresses.map((address) => implicit(7, requireAddress(address)))
  return [extension(SUBJECT_ALTERNATIVE_NAME, sequence(...names, ...bytes))]
}

function extension(type: string, value: Uint8Array, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [boolean(true)]
  return sequence(objectIdentifier(type), ...flag, octetString(value))
}

function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
