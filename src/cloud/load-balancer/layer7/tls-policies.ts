/**
 * TLS versions and ciphers by policy.
 * Source: Alibaba Cloud, Server Load Balancer, "TLS security policies"
 */
import type { TlsCipherPolicy } from '../../slb/model.ts'

const FORWARD_SECRET = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA384',
]
const FORWARD_SECRET_SHA1 = [
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-RSA-AES256-SHA',
]
const STATIC_RSA = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA256', 'AES256-SHA256']
const STATIC_RSA_SHA1 = ['AES128-SHA', 'AES256-SHA', 'DES-CBC3-SHA']
const ALL = [...FORWARD_SECRET, ...STATIC_RSA, ...FORWARD_SECRET_SHA1, ...STATIC_RSA_SHA1]
const STRICT = [...FORWARD_SECRET, ...FORWARD_SECRET_SHA1]
const TLS_1_3 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
]

type Version = 'TLSv1.0' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

export interface TlsPolicy {
  readonly oldest: Version
  readonly newest: Version
  /** Up to TLS 1.2, by OpenSSL's names. */
  readonly ciphers: readonly string[]
  /** Of TLS 1.3. */
  readonly suites: readonly string[]
}

export const TLS_POLICIES = {
  tls_cipher_policy_1_0: { oldest: 'TLSv1.0', newest: 'TLSv1.2', ciphers: ALL, suites: [] },
  tls_cipher_policy_1_1: { oldest: 'TLSv1.1', newest: 'TLSv1.2', ciphers: ALL, suites: [] },
  tls_cipher_policy_1_2: { oldest: 'TLSv1.2', newest: 'TLSv1.2', ciphers: ALL, suites: [] },
  tls_cipher_policy_1_2_strict: { oldest: 'TLSv1.2', newest: 'TLSv1.2', ciphers: STRICT, suites: [] },
  tls_cipher_policy_1_2_strict_with_1_3: { oldest: 'TLSv1.2', newest: 'TLSv1.3', ciphers: STRICT, suites: TLS_1_3 },
} as const satisfies Record<TlsCipherPolicy, TlsPolicy>

/** A policy as options of HAProxy's `bind`. OpenSSL keeps what is old to security level 0. */
export function bindOptions(policy: TlsPolicy): string {
  const old = policy.oldest === 'TLSv1.0' || policy.oldest === 'TLSv1.1'
  const ciphers = [...policy.ciphers, ...(old ? ['@SECLEVEL=0'] : [])].join(':')
  const suites = policy.suites.length === 0 ? '' : ` ciphersuites ${policy.suites.join(':')}`
  return `ssl-min-ver ${policy.oldest} ssl-max-ver ${policy.newest} ciphers ${ciphers}${suites}`
}
