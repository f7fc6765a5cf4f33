import { missing, type Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Transaction } from '../state/transaction.ts'
import { requireCertificate } from './find.ts'
import type { Layer7Settings, StickySession, TlsSettings } from './model.ts'

const COOKIE = {
  pattern: /^(?!\$)[\x21-\x2b\x2d-\x3a\x3c-\x7e]{1,200}$/,
  wanted: '1 to 200 ASCII characters without comma, semicolon and space, no $ first',
}

const TLS_POLICIES = [
  'tls_cipher_policy_1_0',
  'tls_cipher_policy_1_1',
  'tls_cipher_policy_1_2',
  'tls_cipher_policy_1_2_strict',
  'tls_cipher_policy_1_2_strict_with_1_3',
] as const

/** What an HTTP or HTTPS listener has of its own: as asked for, else as it was, else the API's defaults. @throws Refusal */
export function layer7SettingsOf(parameters: Parameters, before?: Layer7Settings): Layer7Settings {
  const forwardPort = forwardPortOf(parameters, before?.forwardPort)
  const forwarded = before?.forwardedFor
  return {
    stickySession: stickySessionOf(parameters, before?.stickySession),
    idleTimeout: parameters.integer('IdleTimeout', { min: 1, max: 60 }) ?? before?.idleTimeout ?? 15,
    requestTimeout: parameters.integer('RequestTimeout', { min: 1, max: 180 }) ?? before?.requestTimeout ?? 60,
    gzip: parameters.onOff('Gzip') ?? before?.gzip ?? true,
    forwardedFor: {
      proto: parameters.onOff('XForwardedFor_proto') ?? forwarded?.proto ?? false,
      slbPort: parameters.onOff('XForwardedFor_SLBPORT') ?? forwarded?.slbPort ?? false,
      slbIp: parameters.onOff('XForwardedFor_SLBIP') ?? forwarded?.slbIp ?? false,
      slbId: parameters.onOff('XForwardedFor_SLBID') ?? forwarded?.slbId ?? false,
      clientSrcPort: parameters.onOff('XForwardedFor_ClientSrcPort') ?? forwarded?.clientSrcPort ?? false,
    },
    ...(forwardPort === undefined ? {} : { forwardPort }),
  }
}

/** The TLS side of an HTTPS listener; its extra domains have calls of their own. @throws Refusal */
export function tlsSettingsOf(parameters: Parameters, transaction: Transaction, before?: TlsSettings): TlsSettings {
  const certificateId =
    parameters.string('ServerCertificateId') ?? before?.certificateId ?? missing('ServerCertificateId')
  requireCertificate(transaction, certificateId)
  return {
    certificateId,
    http2: parameters.onOff('EnableHttp2') ?? before?.http2 ?? true,
    cipherPolicy: parameters.oneOf('TLSCipherPolicy', TLS_POLICIES) ?? before?.cipherPolicy ?? 'tls_cipher_policy_1_0',
    domainExtensions: before?.domainExtensions ?? [],
  }
}

function stickySessionOf(parameters: Parameters, before: StickySession | undefined): StickySession {
  const asked = parameters.onOff('StickySession')
  if (asked === undefined && before === undefined) return missing('StickySession')
  const on = asked ?? before?.type !== 'off'
  if (!on) return { type: 'off' }
  const type =
    parameters.oneOf('StickySessionType', ['insert', 'server']) ?? (before?.type === 'off' ? undefined : before?.type)
  if (type === undefined)
    throw new Refusal('MissingParam.StickySessionType', 'StickySessionType is mandatory when StickySession is on.')
  return type === 'insert' ? insertedCookie(parameters, before) : serverCookie(parameters, before)
}

function insertedCookie(parameters: Parameters, before: StickySession | undefined): StickySession {
  const known = before?.type === 'insert' ? before.timeout : undefined
  const timeout = parameters.integer('CookieTimeout', { min: 1, max: 86_400 }) ?? known
  if (timeout !== undefined) return { type: 'insert', timeout }
  throw new Refusal('MissingParam.CookieTimeout', 'CookieTimeout is mandatory when StickySessionType is insert.')
}

function serverCookie(parameters: Parameters, before: StickySession | undefined): StickySession {
  const known = before?.type === 'server' ? before.cookie : undefined
  const cookie = parameters.string('Cookie', COOKIE) ?? known
  if (cookie !== undefined) return { type: 'server', cookie }
  throw new Refusal('MissingParam.Cookie', 'Cookie is mandatory when StickySessionType is server.')
}

function forwardPortOf(parameters: Parameters, before: number | undefined): number | undefined {
  const on = parameters.onOff('ListenerForward') ?? before !== undefined
  if (!on) return undefined
  const port = parameters.integer('ForwardPort', { min: 1, max: 65_535 }) ?? before
  if (port !== undefined) return port
  throw new Refusal('MissingParam.ForwardPort', 'ForwardPort is mandatory when ListenerForward is on.')
}
