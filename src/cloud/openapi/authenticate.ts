import { timingSafeEqual } from 'node:crypto'
import { acs3Signature, acs3StringToSign, parseAcs3Authorization, sha256 } from './acs3-signature.ts'
import { missing } from './parameters.ts'
import type { RamUser } from './ram-user.ts'
import { Refusal } from './refusal.ts'
import type { ReplayGuard } from './replay-guard.ts'
import type { ApiRequest } from './request.ts'
import { rpcSignature, rpcStringToSign } from './rpc-signature.ts'

/** What signatures are checked with. */
export interface Authentication {
  readonly users: readonly RamUser[]
  readonly replay: ReplayGuard
}

/** Who signed a request, and which action of which version they ask for. */
export interface Authenticated {
  readonly user: RamUser
  readonly action: string
  readonly version: string
}

/**
 * Checks a request's signature, time and nonce, in the style that it comes in: ACS3 by headers, RPC by parameters.
 *
 * @throws Refusal `MissingAccessKeyId`, `InvalidAccessKeyId.NotFound`, `SignatureDoesNotMatch`, `SignatureNonceUsed`, …
 */
export function authenticate(
  request: ApiRequest,
  parameters: ReadonlyMap<string, string>,
  authentication: Authentication,
): Authenticated {
  const authorization = request.headers.get('authorization')
  return authorization === undefined
    ? authenticateRpc(request, parameters, authentication)
    : authenticateAcs3(request, authorization, authentication)
}

function authenticateRpc(
  request: ApiRequest,
  parameters: ReadonlyMap<string, string>,
  { users, replay }: Authentication,
): Authenticated {
  const given = (name: string) => parameters.get(name) || missing(name)
  const user = userOf(users, given('AccessKeyId'))
  requireValue('SignatureMethod', given('SignatureMethod'), 'HMAC-SHA1')
  requireValue('SignatureVersion', given('SignatureVersion'), '1.0')
  const signature = given('Signature')
  const text = rpcStringToSign(request.method, parameters)
  requireSame(signature, rpcSignature(text, user.accessKeySecret), text)
  replay.admit(user.accessKeyId, { timestamp: given('Timestamp'), nonce: given('SignatureNonce') })
  return { user, action: given('Action'), version: given('Version') }
}

/** Headers that say what is asked, when, and of what body: a signature that leaves one out protects nothing. */
const MUST_BE_SIGNED = [
  'host',
  'x-acs-action',
  'x-acs-version',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-content-sha256',
]

function authenticateAcs3(request: ApiRequest, header: string, { users, replay }: Authentication): Authenticated {
  const authorization = parseAcs3Authorization(header)
  if (authorization === undefined) {
    throw new Refusal(
      'InvalidAuthorization',
      "Cannot read the header Authorization: give 'ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…'",
    )
  }
  const user = userOf(users, authorization.accessKeyId)
  const unsigned = MUST_BE_SIGNED.find((name) => !authorization.signedHeaders.includes(name))
  if (unsigned !== undefined) throw new Refusal('IncompleteSignature', `The header ${unsigned} is not signed.`)
  const given = (name: string) => request.headers.get(name) || missing(name)
  if (given('x-acs-content-sha256') !== sha256(request.body)) {
    throw new Refusal('InvalidContentSha256', 'x-acs-content-sha256 is not the SHA-256 of the body.')
  }
  const text = acs3StringToSign(request, authorization.signedHeaders)
  requireSame(authorization.signature, acs3Signature(text, user.accessKeySecret), text)
  replay.admit(user.accessKeyId, { timestamp: given('x-acs-date'), nonce: given('x-acs-signature-nonce') })
  return { user, action: given('x-acs-action'), version: given('x-acs-version') }
}

function userOf(users: readonly RamUser[], accessKeyId: string): RamUser {
  const user = users.find((candidate) => candidate.accessKeyId === accessKeyId)
  if (user === undefined) throw new Refusal('InvalidAccessKeyId.NotFound', 'Specified access key is not found.', 404)
  if (user.status === 'Inactive') {
    throw new Refusal('InvalidAccessKeyId.Inactive', 'Specified access key is disabled.')
  }
  return user
}

function requireValue(name: string, given: string, wanted: string): void {
  if (given !== wanted) throw new Refusal(`Invalid${name}`, `The ${name} '${given}' is not supported: give ${wanted}.`)
}

function requireSame(given: string, wanted: string, signed: string): void {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  if (a.length === b.length && timingSafeEqual(a, b)) return
  throw new Refusal(
    'SignatureDoesNotMatch',
    `Specified signature is not matched with our calculation. server string to sign is:${signed}`,
  )
}
