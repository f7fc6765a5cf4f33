// Nothing but certificate-authority.ts imports this file, and only when a certificate is to be made: the library takes
// longer to load than all certificates of a cluster take to read.
import 'reflect-metadata'
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { requireAddress } from '../../base/ip.ts'

/** A certificate and the key that it is for, as PEM. */
export interface KeyPair {
  readonly certificatePem: string
  /** PKCS #8. */
  readonly privateKeyPem: string
}

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface Subject {
  readonly commonName: string
  readonly organizations?: readonly string[]
}

/** What the holder of a certificate may do, and the names and addresses that it is reached by. */
export interface Holder extends Subject {
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
  readonly usages: readonly ('server' | 'client')[]
}

/** What an authority signs with. */
export interface Issuer {
  readonly name: Name
  readonly signingKey: webcrypto.CryptoKey
  readonly keyIdentifier: Extension
}

/** The library adds the hash: ECDSA with SHA-256. */
const KEY_TYPE = { name: 'ECDSA', namedCurve: 'P-256' }
const EXTENDED_USAGES = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth }

/** A certificate signed by its own new key, whose holder may sign others. */
export async function signAuthority(subject: Subject, validity: Validity): Promise<KeyPair & { issuer: Issuer }> {
  const keys = await generateKeys()
  const subjectKeyIdentifier = await SubjectKeyIdentifierExtension.create(keys.publicKey)
  const keyIdentifier = new AuthorityKeyIdentifierExtension(subjectKeyIdentifier.keyId)
  const name = distinguishedName(subject)
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: name,
    issuer: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      subjectKeyIdentifier,
      keyIdentifier,
    ],
  })
  return { ...keyPairOf(certificate, keys), issuer: { name, signingKey: keys.privateKey, keyIdentifier } }
}

/** The issuer of an authority that was made before. */
export async function openIssuer({ certificatePem, privateKeyPem }: KeyPair): Promise<Issuer> {
  const certificate = new X509Certificate(certificatePem)
  const der = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' })
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, KEY_TYPE, false, ['sign'])
  return { name: certificate.subjectName, signingKey, keyIdentifier: await authorityKeyIdentifier(certificate) }
}

/**
 * A certificate for a new key, signed by an authority's issuer; its holder may not sign others.
 *
 * @throws FairleadError `INVALID_INPUT` when one of `addresses` is none.
 */
export async function signCertificate(issuer: Issuer, holder: Holder, validity: Validity): Promise<KeyPair> {
  const names = alternativeNames(holder)
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: distinguishedName(holder),
    issuer: issuer.name,
    publicKey: keys.publicKey,
    signingKey: issuer.signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(holder.usages.map((usage) => EXTENDED_USAGES[usage])),
      ...names,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      issuer.keyIdentifier,
    ],
  })
  return keyPairOf(certificate, keys)
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_TYPE, true, ['sign', 'verify'])
}

function keyPairOf(certificate: X509Certificate, { privateKey }: webcrypto.CryptoKeyPair): KeyPair {
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** `O=…, CN=…`, given as attributes, not as text: in text some characters mean something. */
function distinguishedName({ commonName, organizations = [] }: Subject): Name {
  return new Name([
    ...organizations.map((organization) => ({ O: [{ utf8String: organization }] })),
    { CN: [{ utf8String: commonName }] },
  ])
}

function alternativeNames({ dnsNames = [], addresses = [] }: Holder): readonly Extension[] {
  const names: JsonGeneralName[] = [
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...addresses.map((address) => ({ type: 'ip', value: spelledOut(address) }) as const),
  ]
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]
}

/** The library does not check addresses, and reads IPv6 of hexadecimal groups alone. */
function spelledOut(address: string): string {
  const bytes = requireAddress(address)
  return bytes.length === 4 ? bytes.join('.') : bytes.toString('hex').replace(/.{4}(?=.)/g, '$&:')
}

/** As the authority's certificate names its key, so that chains are found whoever made it. */
async function authorityKeyIdentifier(authority: X509Certificate): Promise<Extension> {
  const own = authority.getExtension(SubjectKeyIdentifierExtension)
  if (own !== null) return new AuthorityKeyIdentifierExtension(own.keyId)
  return await AuthorityKeyIdentifierExtension.create(authority.publicKey)
}
