import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'

/** Who issues tokens, and the audience of a token for the API server itself. */
export const TOKEN_ISSUER = 'https://kubernetes.default.svc.cluster.local'

export interface BoundObject {
  readonly name: string
  readonly uid: string
}

export interface TokenRequest {
  readonly namespace: string
  readonly serviceAccount: string
  /** Of the ServiceAccount: a new one of the same name is somebody else. */
  readonly uid: string
  /** @default the API server */
  readonly audiences?: readonly string[]
  readonly expirationSeconds: number
  /** The token is good as long as this pod exists. */
  readonly pod?: BoundObject
  /** Where the pod runs. */
  readonly node?: BoundObject
}

export interface IssuedToken {
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/** A token says so and its signature holds; whether the objects still exist is for the caller to look up. */
export interface TokenIdentity {
  readonly kind: 'identity'
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  /** As in a TokenReview: `authentication.kubernetes.io/pod-name` and so on. */
  readonly extra: Readonly<Record<string, readonly string[]>>
  /** The asked audiences that the token is for. */
  readonly audiences: readonly string[]
  readonly namespace: string
  readonly serviceAccount: BoundObject
  readonly pod?: BoundObject
  readonly node?: BoundObject
  /** Milliseconds since the epoch. */
  readonly expires: number
}

export type TokenVerdict = TokenIdentity | { readonly kind: 'refused'; readonly reason: string }

export interface TokenSignerOptions {
  /** A P-256 private key, from {@link generateTokenKey}. */
  readonly keyPem: string
  readonly clock: Clock
  /** @default {@link TOKEN_ISSUER} */
  readonly issuer?: string
}

interface Claims {
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly iss: string
  readonly jti: string
  readonly sub: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: BoundObject
    readonly pod?: BoundObject
    readonly node?: BoundObject
  }
}

/** A private key for signing tokens, as PEM. */
export function generateTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Issues and checks bound service account tokens. */
export interface TokenSigner {
  issueToken(request: TokenRequest): IssuedToken
  /** @param audiences The token must be for one of these. @default the API server */
  verifyToken(token: string, audiences?: readonly string[]): TokenVerdict
  /** The public key as a JSON Web Key Set, for `/openid/v1/jwks`. */
  keySet(): { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

/**
 * A signer of JWTs with ES256 and the claims of upstream's.
 * Source: KEP-1205, RFC 7519, RFC 7518 §3.4
 *
 * @throws FairleadError `INVALID_INPUT` when the key is not on the curve P-256.
 */
export function createTokenSigner(options: TokenSignerOptions): TokenSigner {
  return new Es256TokenSigner(options)
}

class Es256TokenSigner implements TokenSigner {
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  readonly #keyId: string
  readonly #clock: Clock
  readonly #issuer: string

  constructor(options: TokenSignerOptions) {
    this.#privateKey = createPrivateKey(options.keyPem)
    if (this.#privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      throw new FairleadError('INVALID_INPUT', 'The key that signs service account tokens must be on the curve P-256')
    }
    this.#publicKey = createPublicKey(this.#privateKey)
    const spki = this.#publicKey.export({ type: 'spki', format: 'der' })
    this.#keyId = createHash('sha256').update(spki).digest('base64url')
    this.#clock = options.clock
    this.#issuer = options.issuer ?? TOKEN_ISSUER
  }

  issueToken(request: TokenRequest): IssuedToken {
    const { namespace, serviceAccount, uid, pod, node, expirationSeconds } = request
    const now = Math.floor(this.#clock.now() / 1_000)
    const claims: Claims = {
      aud: request.audiences ?? [this.#issuer],
      exp: now + expirationSeconds,
      iat: now,
      iss: this.#issuer,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(node && { node: { name: node.name, uid: node.uid } }),
        ...(pod && { pod: { name: pod.name, uid: pod.uid } }),
        serviceaccount: { name: serviceAccount, uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    }
    const signed = `${encode({ alg: 'ES256', kid: this.#keyId })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(signed), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' })
    return { token: `${signed}.${signature.toString('base64url')}`, expires: claims.exp * 1_000 }
  }

  verifyToken(token: string, audiences: readonly string[] = [this.#issuer]): TokenVerdict {
    const [header = '', payload = '', signature = '', ...rest] = token.split('.')
    if (rest.length > 0 || signature === '') return refused('it is not a JWT')
    if (!this.#isSigned(header, payload, signature)) return refused('its signature is not ours')
    // Only what we signed is read, so that its shape is ours.
    const claims = decode(payload) as Claims
    const now = this.#clock.now() / 1_000
    if (claims.iss !== this.#issuer) return refused(`its issuer is ${claims.iss}`)
    if (now >= claims.exp) return refused('it has expired')
    if (now < claims.nbf) return refused('it is not valid yet')
    const common = audiences.filter((audience) => claims.aud.includes(audience))
    if (common.length === 0) return refused(`it is for ${claims.aud.join(', ')}, not for ${audiences.join(', ')}`)
    return identityOf(claims, common)
  }

  keySet(): { readonly keys: readonly Readonly<Record<string, unknown>>[] } {
    const { kty, crv, x, y } = this.#publicKey.export({ format: 'jwk' })
    return { keys: [{ use: 'sig', kty, kid: this.#keyId, crv, alg: 'ES256', x, y }] }
  }

  #isSigned(header: string, payload: string, signature: string): boolean {
    const { alg, kid } = decode(header) as { readonly alg?: unknown; readonly kid?: unknown }
    if (alg !== 'ES256' || kid !== this.#keyId) return false
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
  }
}

function identityOf(claims: Claims, audiences: readonly string[]): TokenIdentity {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io']
  return {
    kind: 'identity',
    username: claims.sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    extra: {
      'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`],
      ...(node && extraOf('node', node)),
      ...(pod && extraOf('pod', pod)),
    },
    audiences,
    namespace,
    serviceAccount: serviceaccount,
    ...(pod && { pod }),
    ...(node && { node }),
    expires: claims.exp * 1_000,
  }
}

function extraOf(kind: 'pod' | 'node', { name, uid }: BoundObject): Record<string, readonly string[]> {
  return {
    [`authentication.kubernetes.io/${kind}-name`]: [name],
    [`authentication.kubernetes.io/${kind}-uid`]: [uid],
  }
}

function refused(why: string): TokenVerdict {
  return { kind: 'refused', reason: `The service account token is refused: ${why}` }
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** A part of a token that anybody may have written; an empty object when it is not one. */
function decode(part: string): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
