import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { createTokenSigner, generateTokenKey, TOKEN_ISSUER } from './service-account-token.ts'

const NOW = Date.UTC(2026, 0, 1)
const keyPem = generateTokenKey()

function signerAt(now: number, key = keyPem) {
  return createTokenSigner({ keyPem: key, clock: { ...systemClock, now: () => now } })
}

const request = {
  namespace: 'default',
  serviceAccount: 'web',
  uid: 'uid-1',
  expirationSeconds: 3600,
  pod: { name: 'web-0', uid: 'uid-2' },
  node: { name: 'node-1', uid: 'uid-3' },
} as const

describe('service account tokens', () => {
  it('carry what a bound token of upstream carries', () => {
    const { token, expires } = signerAt(NOW).issueToken(request)
    const [header, claims] = token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
    assert.equal(header.alg, 'ES256')
    const { jti, ...rest } = claims
    assert.match(jti, /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      aud: [TOKEN_ISSUER],
      exp: NOW / 1000 + 3600,
      iat: NOW / 1000,
      nbf: NOW / 1000,
      iss: TOKEN_ISSUER,
      sub: 'system:serviceaccount:default:web',
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name: 'web', uid: 'uid-1' },
        pod: { name: 'web-0', uid: 'uid-2' },
        node: { name: 'node-1', uid: 'uid-3' },
      },
    })
    assert.equal(expires, NOW + 3_600_000)
  })

  it('are verified by anybody with the published key set', () => {
    const signer = signerAt(NOW)
    const { token } = signer.issueToken(request)
    const [header = '', claims = '', signature = ''] = token.split('.')
    const jwk = signer.keySet().keys[0] as Record<string, string>
    assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).kid, jwk.kid)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const signed = Buffer.from(`${header}.${claims}`)
    assert.ok(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
  })

  it('say who the bearer is', () => {
    const { token } = signerAt(NOW).issueToken({ ...request, audiences: ['vault', TOKEN_ISSUER] })
    const verdict = signerAt(NOW + 3_599_000).verifyToken(token)
    assert.equal(verdict.kind, 'identity')
    assert.ok(verdict.kind === 'identity')
    assert.equal(verdict.username, 'system:serviceaccount:default:web')
    assert.equal(verdict.uid, 'uid-1')
    assert.deepEqual(verdict.groups, ['system:serviceaccounts', 'system:serviceaccounts:default'])
    assert.deepEqual(verdict.extra['authentication.kubernetes.io/pod-name'], ['web-0'])
    assert.deepEqual(verdict.audiences, [TOKEN_ISSUER])
    assert.deepEqual(verdict.pod, request.pod)
  })

  it('are refused with the reason', () => {
    const { token } = signerAt(NOW).issueToken(request)
    const reason = (now: number, text: string, audiences?: string[], key?: string) => {
      const verdict = signerAt(now, key).verifyToken(text, audiences)
      return verdict.kind === 'refused' ? verdict.reason : verdict.kind
    }
    assert.match(reason(NOW + 3_600_000, token), /expired/)
    assert.match(reason(NOW - 1_000, token), /not valid yet/)
    assert.match(reason(NOW, token, ['vault']), /not for vault/)
    assert.match(reason(NOW, token, undefined, generateTokenKey()), /signature/)
    for (const text of ['', '.', '..', 'a.b.c', `${token}.x`, 'bnVsbA.bnVsbA.AA', token.slice(0, -8)]) {
      assert.match(reason(NOW, text), /not a JWT|signature/)
    }
  })

  it('cannot be made by naming another algorithm', () => {
    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const signer = signerAt(NOW)
    const kid = signer.keySet().keys[0]?.kid
    const claims = signer.issueToken(request).token.split('.')[1]
    const none = signer.verifyToken(`${encode({ alg: 'none', kid })}.${claims}.AA`)
    assert.equal(none.kind, 'refused')
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const signed = `${encode({ alg: 'RS256', kid })}.${claims}`
    const forged = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
    assert.equal(signer.verifyToken(forged).kind, 'refused')
  })

  it('do not survive the change of any character', () => {
    const { token } = signerAt(NOW).issueToken(request)
    const changed = fc.record({ at: fc.nat(token.length - 1), to: fc.constantFrom(...'ABCxyz0189-_.') })
    fc.assert(
      fc.property(changed, ({ at, to }) => {
        const text = token.slice(0, at) + to + token.slice(at + 1)
        // The last character of each part has bits that say nothing.
        const same = text
          .split('.')
          .every((part, i) =>
            Buffer.from(part, 'base64url').equals(Buffer.from(token.split('.')[i] ?? '', 'base64url')),
          )
        return same || signerAt(NOW).verifyToken(text).kind === 'refused'
      }),
    )
  })
})
