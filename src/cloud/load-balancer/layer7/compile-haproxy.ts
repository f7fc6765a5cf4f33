/** HAProxy's configuration for the listeners that it carries. Pure. */

import { createHash } from 'node:crypto'
import { hostPort } from '../../../base/ip.ts'
import type { Layer4Settings, Layer7Settings } from '../../slb/model.ts'
import type { KeyedCertificate, ListenerPlan } from '../plan.ts'
import { RUNTIME_SOCKET } from './haproxy-socket.ts'
import { bindOptions, TLS_POLICIES } from './tls-policies.ts'

/** A listener, with those of its backends that may get connections. */
export interface ProxiedListener {
  readonly listener: ListenerPlan
  /** Keys of backends that are healthy and have weight. */
  readonly serving: ReadonlySet<string>
}

/** Keys of backends by server slot of a listener; a slot keeps its occupant until somebody needs it. */
export type ServerSlots = ReadonlyMap<string, readonly (string | undefined)[]>

export interface ServerState {
  readonly address: string
  readonly port: number
  readonly weight: number
  readonly serving: boolean
}

export interface HaproxyProgram {
  readonly text: string
  /** The text without what can be changed while it runs: another one takes a reload. */
  readonly skeleton: string
  /** By `<proxy>/<server>`. */
  readonly servers: ReadonlyMap<string, ServerState>
  /** What the configuration refers to, by path relative to its directory. */
  readonly files: ReadonlyMap<string, string>
  readonly slots: ServerSlots
  /** Listener's key by the name of its proxy. */
  readonly names: ReadonlyMap<string, string>
}

export interface HaproxySettings {
  /** Where configuration, sockets, certificates and lists are. */
  readonly directory: string
  /** Where connections to backends come from. */
  readonly source: string
  readonly slots?: ServerSlots
}

const FEWEST_SLOTS = 4
const GZIP_TYPES = [
  'text/xml',
  'text/plain',
  'text/css',
  'application/javascript',
  'application/x-javascript',
  'application/rss+xml',
  'application/atom+xml',
  'application/xml',
  'application/json',
]

/** @param listeners No two on the same address and port. */
export function compileHaproxy(listeners: readonly ProxiedListener[], settings: HaproxySettings): HaproxyProgram {
  const parts = listeners.map((one) => compileListener(one, settings))
  const head = globalSection()
  return {
    text: [head, ...parts.flatMap(({ sections }) => sections)].join('\n'),
    skeleton: [head, ...parts.flatMap(({ skeleton }) => skeleton)].join('\n'),
    servers: new Map(parts.flatMap(({ servers }) => servers)),
    files: new Map(parts.flatMap(({ files }) => [...files])),
    slots: new Map(parts.map(({ key, slots }) => [key, slots])),
    names: new Map(parts.map(({ key, name }) => [name, key])),
  }
}

interface CompiledListener {
  readonly key: string
  readonly name: string
  readonly sections: readonly string[]
  readonly skeleton: readonly string[]
  readonly servers: readonly (readonly [string, ServerState])[]
  readonly files: ReadonlyMap<string, string>
  readonly slots: readonly (string | undefined)[]
}

function compileListener({ listener, serving }: ProxiedListener, settings: HaproxySettings): CompiledListener {
  const name = proxyName(listener.key)
  const files = new Map<string, string>()
  const frontend = frontendSection(name, listener, { files, directory: settings.directory })
  const backend = backendSection(name, listener, settings)
  const slots = assignServerSlots(
    settings.slots?.get(listener.key) ?? [],
    listener.backends.map(({ key }) => key),
  )
  const servers = slots.map((key, index) => [`s${index + 1}`, serverState(listener, serving, key)] as const)
  const options = serverOptions(listener)
  const lines = servers.map(([server, state]) => serverLine(listener, server, { state, options }))
  const anyServers = servers.map(([server]) => `  server ${server} ${options}`)
  return {
    key: listener.key,
    name,
    sections: [frontend, [backend, ...lines, ''].join('\n')],
    skeleton: [frontend, [backend, ...anyServers, ''].join('\n')],
    servers: servers.map(([server, state]) => [`${name}/${server}`, state]),
    files,
    slots,
  }
}

/** Proxies may be named with letters, digits and `-_.:`. */
export function proxyName(key: string): string {
  return key.replace(/[^A-Za-z0-9_.:-]/g, ':')
}

/**
 * Who is there keeps the slot; who is new takes one that nobody had, then one of somebody who left. The number of slots
 * doubles when they do not suffice: that takes a reload.
 */
export function assignServerSlots(
  former: readonly (string | undefined)[],
  wanted: readonly string[],
): (string | undefined)[] {
  const slots = [...former]
  while (slots.length < Math.max(FEWEST_SLOTS, wanted.length))
    slots.push(...Array<undefined>(Math.max(FEWEST_SLOTS, slots.length)).fill(undefined))
  const present = new Set(slots)
  const keeping = new Set(wanted)
  for (const key of wanted) {
    if (present.has(key)) continue
    const empty = slots.indexOf(undefined)
    const slot = empty >= 0 ? empty : slots.findIndex((occupant) => occupant !== undefined && !keeping.has(occupant))
    slots[slot] = key
  }
  return slots
}

function serverState(listener: ListenerPlan, serving: ReadonlySet<string>, key: string | undefined): ServerState {
  const backend = listener.backends.find((one) => one.key === key)
  if (backend === undefined) return { address: '127.0.0.1', port: 1, weight: 1, serving: false }
  const { address, port } = backend
  const weight = listener.scheduler === 'wrr' || listener.scheduler === 'wlc' ? Math.max(1, backend.weight) : 1
  return { address, port, weight, serving: serving.has(backend.key) }
}

function serverLine(
  { key }: ListenerPlan,
  server: string,
  { state, options }: { readonly state: ServerState; readonly options: string },
): string {
  const { address, port, weight, serving } = state
  const cookie = options.includes('cookie') ? ` cookie ${digest(`${key} ${server}`).slice(0, 32)}` : ''
  const rest = options.replace('cookie', '').trim()
  return `  server ${server} ${hostPort(address, port)} weight ${weight}${cookie}${rest === '' ? '' : ` ${rest}`}${serving ? '' : ' disabled'}`
}

/** What a server line says beside address and weight; `cookie` stands for one of its own. */
function serverOptions({ layer4, layer7 }: ListenerPlan): string {
  const words = []
  if (layer7 !== undefined && layer7.stickySession.type !== 'off') words.push('cookie')
  if (layer4?.proxyProtocolV2) words.push('send-proxy-v2')
  return words.join(' ')
}

function globalSection(): string {
  return `# Written by fairlead: changes are lost.
global
  stats socket unix@${RUNTIME_SOCKET} mode 600 level admin expose-fd listeners
  stats timeout 1h
  fd-hard-limit 200000
  tune.ssl.default-dh-param 2048

defaults
  timeout connect 5s
  timeout queue 5s
  retries 3
  option redispatch
`
}

interface Places {
  readonly files: Map<string, string>
  readonly directory: string
}

function frontendSection(name: string, listener: ListenerPlan, places: Places): string {
  const lines = [`frontend ${name}`, `  mode ${modeOf(listener)}`, `  bind ${bindLine(listener, places)}`]
  lines.push(...aclLines(listener, places))
  const { layer4, layer7 } = listener
  if (layer7 !== undefined && modeOf(listener) === 'http') lines.push(...httpFrontend(listener, layer7))
  else lines.push(`  timeout client ${established(layer4)}s`)
  lines.push(`  default_backend ${name}`, '')
  return lines.join('\n')
}

function modeOf({ protocol }: ListenerPlan): 'http' | 'tcp' {
  return protocol === 'http' || protocol === 'https' ? 'http' : 'tcp'
}

const DEFAULT_ESTABLISHED = 900

function established(layer4: Layer4Settings | undefined): number {
  return layer4?.establishedTimeout ?? DEFAULT_ESTABLISHED
}

function bindLine(listener: ListenerPlan, places: Places): string {
  const { address, port, layer7 } = listener
  const tls = layer7?.tls
  const certificates = layer7?.certificates
  const place = hostPort(address, port)
  if (tls === undefined || certificates === undefined) return place
  const list = [
    `${certificateFile(certificates.default, places)}`,
    ...[...certificates.byDomain].map(([domain, keyed]) => `${certificateFile(keyed, places)} ${domain}`),
  ]
  const path = addFile(places, 'crt-list', `${list.join('\n')}\n`)
  const offered = listener.protocol === 'https' ? [...(tls.http2 ? ['h2'] : []), 'http/1.1'] : (layer7?.alpn ?? [])
  const alpn = offered.length === 0 ? '' : ` alpn ${offered.join(',')}`
  return `${place} ssl crt-list ${path} ${bindOptions(TLS_POLICIES[tls.cipherPolicy])}${alpn}`
}

function certificateFile({ certificatePem, privateKeyPem }: KeyedCertificate, places: Places): string {
  return addFile(places, 'pem', `${certificatePem.trim()}\n${privateKeyPem.trim()}\n`)
}

/** Files are named by their content, so that one that is in use never changes. */
function addFile({ files, directory }: Places, suffix: string, content: string): string {
  const path = `${digest(content).slice(0, 40)}.${suffix}`
  files.set(path, content)
  return `${directory}/${path}`
}

function aclLines({ acl }: ListenerPlan, places: Places): string[] {
  if (acl === undefined) return []
  const path = addFile(places, 'acl', `${acl.cidrs.join('\n')}\n`)
  return [`  tcp-request connection reject ${acl.type === 'white' ? 'unless' : 'if'} { src -f ${path} }`]
}

function httpFrontend(listener: ListenerPlan, layer7: Layer7Settings): string[] {
  const { idleTimeout, forwardPort } = layer7
  const lines = [
    `  timeout client ${idleTimeout}s`,
    `  timeout http-keep-alive ${idleTimeout}s`,
    '  timeout http-request 60s',
  ]
  if (forwardPort === undefined) return [...lines, ...forwardedHeaders(listener, layer7)]
  const port = forwardPort === 443 ? '' : `:${forwardPort}`
  return [
    ...lines,
    `  http-request redirect code 301 location 'https://%[req.hdr(host),regsub(":[0-9]+$","")]${port}%[pathq]'`,
  ]
}

function forwardedHeaders(listener: ListenerPlan, { forwardedFor }: Layer7Settings): string[] {
  const set = (name: string, value: string) => `  http-request set-header ${name} ${value}`
  return [
    '  http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if { req.hdr(X-Forwarded-For) -m found }',
    '  option forwardfor if-none',
    ...(forwardedFor.proto ? [set('X-Forwarded-Proto', listener.protocol)] : []),
    ...(forwardedFor.slbPort ? [set('X-Forwarded-Port', String(listener.port))] : []),
    ...(forwardedFor.clientSrcPort ? [set('X-Forwarded-Client-srcport', '%[src_port]')] : []),
    ...(forwardedFor.slbIp ? [set('SLB-IP', listener.address)] : []),
    ...(forwardedFor.slbId ? [set('SLB-ID', listener.key.split('/')[0] ?? '')] : []),
  ]
}

function backendSection(name: string, listener: ListenerPlan, { source }: HaproxySettings): string {
  const { layer7 } = listener
  const http = modeOf(listener) === 'http'
  const lines = [`backend ${name}`, `  mode ${modeOf(listener)}`, ...balanceLines(listener)]
  if (listener.backends.every(({ address }) => !address.includes(':'))) lines.push(`  source ${source}`)
  if (http && layer7 !== undefined) lines.push(...httpBackend(layer7))
  else lines.push(`  timeout server ${established(listener.layer4)}s`, ...persistenceLines(listener))
  return lines.join('\n')
}

function balanceLines({ scheduler }: ListenerPlan): string[] {
  switch (scheduler) {
    case 'rr':
    case 'wrr':
      return ['  balance roundrobin']
    case 'wlc':
      return ['  balance leastconn']
    case 'sch':
      return ['  balance source', '  hash-type consistent']
    // Every connection has another port: a hash of it is as good as chance.
    case 'tch':
    case 'qch':
      return ['  balance random']
  }
}

function httpBackend(layer7: Layer7Settings): string[] {
  const { requestTimeout, gzip, stickySession } = layer7
  const lines = [`  timeout server ${requestTimeout}s`, `  timeout tunnel ${requestTimeout}s`]
  if (stickySession.type === 'insert') lines.push(`  cookie SERVERID insert indirect maxidle ${stickySession.timeout}s`)
  if (stickySession.type === 'server') lines.push(`  cookie ${stickySession.cookie} rewrite`)
  if (gzip) lines.push('  filter compression', '  compression algo gzip', `  compression type ${GZIP_TYPES.join(' ')}`)
  return lines
}

function persistenceLines({ address, layer4 }: ListenerPlan): string[] {
  const seconds = layer4?.persistenceTimeout ?? 0
  if (seconds === 0) return []
  const type = address.includes(':') ? 'ipv6' : 'ip'
  return [`  stick-table type ${type} size 200k expire ${seconds}s`, '  stick on src']
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
