import type { TLSSocket } from 'node:tls'
import type { User } from './request.ts'

/** Whose a bearer token is, and which of the audiences asked about it is for. */
export interface TokenHolder extends User {
  readonly audiences?: readonly string[]
}

/** Finds out who a bearer token belongs to; `undefined`: nobody. @param audiences It must be for one of. @default the API server */
export type VerifyToken = (token: string, audiences?: readonly string[]) => Promise<TokenHolder | undefined>

export type Identity =
  | { readonly kind: 'user'; readonly user: User }
  /** No credentials were shown. */
  | { readonly kind: 'anonymous' }
  /** Credentials that do not hold. */
  | { readonly kind: 'rejected' }

const AUTHENTICATED = 'system:authenticated'
const anonymous: Identity = { kind: 'anonymous' }
const rejected: Identity = { kind: 'rejected' }

/** A connection shows its certificate once, and is asked about with every request. */
const byConnection = new WeakMap<TLSSocket, Identity>()

/** Who is behind a request: by client certificate (CN is the name, O the groups), else by bearer token. */
export async function authenticate(
  socket: TLSSocket,
  authorization: string | undefined,
  verifyToken: VerifyToken | undefined,
): Promise<Identity> {
  const certified = byConnection.get(socket) ?? certifiedIdentity(socket)
  byConnection.set(socket, certified)
  if (certified.kind !== 'anonymous' || authorization === undefined) return certified
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (token === undefined || verifyToken === undefined) return rejected
  const user = await verifyToken(token)
  return user === undefined ? rejected : { kind: 'user', user: withAuthenticated(user) }
}

function certifiedIdentity(socket: TLSSocket): Identity {
  const certificate = socket.getPeerCertificate()
  if (certificate === null || Object.keys(certificate).length === 0) return anonymous
  if (!socket.authorized) return rejected
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] }
  const name = Array.isArray(CN) ? CN[0] : CN
  if (name === undefined || name === '') return rejected
  const groups = O === undefined ? [] : Array.isArray(O) ? O : [O]
  return { kind: 'user', user: withAuthenticated({ name, groups }) }
}

function withAuthenticated(user: User): User {
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] }
}
