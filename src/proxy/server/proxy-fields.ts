/** Fields of a KubeProxyConfiguration whose values need a decision. */
import { addressFamily, canonicalAddress, parseCidr } from '../../base/ip.ts'
import type { DetectLocal } from '../node-detection.ts'
import { INTERFACE_NAME_BYTES } from '../pod-interfaces.ts'
import type { FieldReader } from './field-reader.ts'
import type { HostPort, ProxyMode } from './proxy-configuration.ts'

const NODE_PORT_WORDS: readonly string[] = ['primary', 'localhost', 'all']

export function modeOf(fields: FieldReader): ProxyMode {
  const mode = fields.text('mode') ?? 'nftables'
  if (mode === 'nftables' || mode === 'ipvs') return mode
  fields.error('mode', mode, 'must be nftables or ipvs')
  return 'nftables'
}

/**
 * An address to serve on. Missing is the default; an empty text, which the reader takes for missing too, is written by
 * those who do not care.
 */
export function hostPortOf(fields: FieldReader, name: string, fallback: HostPort): HostPort | undefined {
  const text = fields.text(name)
  if (text === undefined) return fallback
  // An address alone gets the default port, as in upstream's older configurations.
  const bare = canonicalAddress(text)
  if (bare !== undefined) return { host: bare, port: fallback.port }
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text) ?? []
  const host = canonicalAddress(bracketed ?? plain ?? '')
  const port = Number(digits)
  if (digits === '') fields.error(name, text, 'must be IP:port')
  else if (host === undefined) fields.error(name, text, 'must be a valid IP')
  else if (port > 65_535) fields.error(name, text, 'must be a valid port')
  return host === undefined || port === 0 || port > 65_535 ? undefined : { host, port }
}

/** Ranges and words; a list that is empty asks for the default. */
export function nodePortAddressesOf(fields: FieldReader): readonly string[] {
  const list = fields.texts('nodePortAddresses')
  for (const one of list) {
    if (NODE_PORT_WORDS.includes(one) || parseCidr(one) !== undefined) continue
    fields.error('nodePortAddresses', one, `must be a valid CIDR block or one of ${NODE_PORT_WORDS.join(', ')}`)
  }
  return list
}

const LOCAL_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix']

/**
 * kube-proxy's default, ClusterCIDR without a range, tells nobody; where the Node says which pods are its own, that is
 * known better, so it is the default here.
 */
export function detectLocalOf(fields: FieldReader): DetectLocal {
  const cidrs = clusterCidrsOf(fields)
  const mode = fields.text('detectLocalMode') ?? (cidrs.length > 0 ? 'ClusterCIDR' : 'NodeCIDR')
  if (mode === 'NodeCIDR') return { mode }
  if (mode === 'ClusterCIDR') {
    if (cidrs.length === 0) fields.warn('detectLocalMode is ClusterCIDR and there is no clusterCIDR: no pod is known')
    return { mode, cidrs }
  }
  if (mode === 'BridgeInterface') return { mode, name: interfaceOf(fields, 'bridgeInterface') }
  if (mode === 'InterfaceNamePrefix') return { mode, name: interfaceOf(fields, 'interfaceNamePrefix') }
  fields.error('detectLocalMode', mode, `must be one of ${LOCAL_MODES.join(', ')}`)
  return { mode: 'NodeCIDR' }
}

/** A prefix of the longest name is that name. */
function interfaceOf(fields: FieldReader, name: string): string {
  const detect = fields.child('detectLocal')
  const text = detect.text(name) ?? ''
  const isName = Buffer.byteLength(text) < INTERFACE_NAME_BYTES && /^[^\s/\0]+$/.test(text)
  if (!isName) detect.error(name, text, `must be an interface name of at most ${INTERFACE_NAME_BYTES - 1} bytes`)
  return text
}

function clusterCidrsOf(fields: FieldReader): readonly string[] {
  const text = fields.text('clusterCIDR')
  if (text === undefined) return []
  const cidrs = text.split(',').map((cidr) => cidr.trim())
  const families = new Set(cidrs.map((cidr) => addressFamily(cidr.replace(/\/.*/, ''))))
  if (cidrs.some((cidr) => parseCidr(cidr) === undefined)) {
    fields.error('clusterCIDR', text, 'must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)')
  } else if (cidrs.length > 2 || families.size !== cidrs.length) {
    const wanted = 'only one CIDR allowed or a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)'
    fields.error('clusterCIDR', text, wanted)
  }
  return cidrs
}
