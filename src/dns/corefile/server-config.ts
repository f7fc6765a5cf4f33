/** What a Corefile says: its directives read into data. Defaults are CoreDNS's. */
import { parseCidr } from '../../base/ip.ts'
import { duration, type HostPort, listenAddress, requireArguments, zoneNames } from './arguments.ts'
import { type CacheConfig, cacheConfig } from './cache-config.ts'
import { type ForwardConfig, forwardConfig } from './forward-config.ts'
import { type HostsConfig, hostsConfig } from './hosts-config.ts'
import { type KubernetesConfig, kubernetesConfig } from './kubernetes-config.ts'
import { corefileError, type Directive, type ServerBlock } from './parse-corefile.ts'
import { type RewriteRule, rewriteRule } from './rewrite-config.ts'

/** A server block, once for each of its ports. */
export interface BlockConfig {
  /** Canonical; '' is the root. */
  readonly zones: readonly string[]
  readonly port: number
  /** Addresses to listen on; none for all. */
  readonly bind: readonly string[]
  readonly kubernetes?: KubernetesConfig
  readonly forwards: readonly ForwardConfig[]
  readonly cache?: CacheConfig
  readonly hosts?: HostsConfig
  readonly rewrites: readonly RewriteRule[]
  readonly log?: LogConfig
  readonly errors?: ErrorsConfig
  readonly health?: HealthConfig
  readonly ready?: ReadyConfig
  readonly prometheus?: HostPort
  readonly loop: boolean
  readonly reload?: ReloadConfig
  readonly loadbalance?: LoadbalanceConfig
  readonly autopath?: AutopathConfig
}

export interface LogConfig {
  /** Only names in these zones. */
  readonly names: readonly string[]
  readonly format: string
  readonly classes: readonly string[]
}

/** Failures that are alike, told once for all of a period. */
export interface Consolidation {
  readonly periodMs: number
  /** As it was written. */
  readonly period: string
  readonly pattern: RegExp
  readonly level: 'warning' | 'error' | 'info' | 'debug'
  readonly showFirst: boolean
}

export interface ErrorsConfig {
  readonly consolidate: readonly Consolidation[]
}

export interface ReadyConfig extends HostPort {
  /** Whether it may become unready again. */
  readonly isContinuous: boolean
}

export interface LoadbalanceConfig {
  /** Addresses in these come first; CIDRs. */
  readonly prefer: readonly string[]
}

export interface HealthConfig extends HostPort {
  readonly lameduckMs: number
}

export interface ReloadConfig {
  readonly intervalMs: number
  readonly jitterMs: number
}

export interface AutopathConfig {
  readonly zones: readonly string[]
  /** `@kubernetes` or the path of a resolv.conf. */
  readonly source: string
}

/** Collects what the directives of a block say. */
type Draft = { -readonly [K in keyof BlockConfig]: BlockConfig[K] } & {
  forwards: ForwardConfig[]
  rewrites: RewriteRule[]
}

export const COMMON_LOG_FORMAT =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'
const COMBINED_LOG_FORMAT = `${COMMON_LOG_FORMAT} "{>opcode}"`

const READERS: Readonly<Record<string, (draft: Draft, directive: Directive) => void>> = {
  kubernetes: (draft, directive) => {
    draft.kubernetes = kubernetesConfig(directive, draft.zones)
  },
  forward: (draft, directive) => {
    draft.forwards.push(forwardConfig(directive))
  },
  cache: (draft, directive) => {
    draft.cache = cacheConfig(directive, draft.zones)
  },
  hosts: (draft, directive) => {
    draft.hosts = hostsConfig(directive, draft.zones)
  },
  rewrite: (draft, directive) => {
    draft.rewrites.push(rewriteRule(directive))
  },
  log: (draft, directive) => {
    draft.log = logConfig(directive)
  },
  errors: (draft, directive) => {
    requireArguments(directive, 0)
    for (const line of directive.block) requireOneOf(line, ['consolidate', 'stacktrace'])
    const lines = directive.block.filter(({ name }) => name === 'consolidate')
    draft.errors = { consolidate: lines.map(consolidation) }
  },
  health: (draft, directive) => {
    const [text = ':8080'] = requireArguments(directive, 0, 1)
    let lameduckMs = 0
    for (const line of directive.block) {
      requireOneOf(line, ['lameduck'])
      lameduckMs = duration(line, requireArguments(line, 1)[0])
    }
    draft.health = { ...listenAddress(directive, text, 8080), lameduckMs }
  },
  ready: (draft, directive) => {
    const [text = ':8181'] = requireArguments(directive, 0, 1)
    let monitor = 'until-ready'
    for (const line of directive.block) {
      requireOneOf(line, ['monitor'])
      monitor = requireArguments(line, 1)[0] ?? ''
      if (monitor !== 'until-ready' && monitor !== 'continuously') {
        throw corefileError(line, `monitor type "${monitor}" not supported; wanted is until-ready or continuously`)
      }
    }
    draft.ready = { ...listenAddress(directive, text, 8181), isContinuous: monitor === 'continuously' }
  },
  prometheus: (draft, directive) => {
    draft.prometheus = listenAddress(directive, requireArguments(directive, 0, 1)[0] ?? 'localhost:9153', 9153)
  },
  loop: (draft, directive) => {
    requireArguments(directive, 0)
    draft.loop = true
  },
  reload: (draft, directive) => {
    const [interval = '30s', jitter = '15s'] = requireArguments(directive, 0, 2)
    const intervalMs = Math.max(2_000, duration(directive, interval))
    draft.reload = { intervalMs, jitterMs: Math.min(intervalMs / 2, Math.max(1_000, duration(directive, jitter))) }
  },
  loadbalance: (draft, directive) => {
    const [policy = 'round_robin'] = requireArguments(directive, 0, 1)
    if (policy !== 'round_robin') throw corefileError(directive, `unknown policy: ${policy}; wanted is round_robin`)
    const prefer: string[] = []
    for (const line of directive.block) {
      requireOneOf(line, ['prefer'])
      for (const text of requireArguments(line, 1, 100)) {
        if (parseCidr(text) === undefined) throw corefileError(line, `invalid CIDR address: ${text}`)
        prefer.push(text)
      }
    }
    draft.loadbalance = { prefer }
  },
  autopath: (draft, directive) => {
    const [source = '', ...zones] = [...requireArguments(directive, 1, 20)].reverse()
    draft.autopath = { zones: zones.length === 0 ? draft.zones : zoneNames(directive, zones), source }
  },
  bind: (draft, directive) => {
    draft.bind = requireArguments(directive, 1, 100).map((text) => listenAddress(directive, text, 0).host)
  },
}

/** Directives of CoreDNS that Fairlead leaves out, so that the error can say so. */
export const DIRECTIVES: readonly string[] = Object.keys(READERS)

const DEFAULT_PORT = 53

/**
 * Reads server blocks.
 *
 * @param defaultPort For keys without a port. @default 53
 * @throws FairleadError `INVALID_INPUT` with the line of what is unknown or wrong.
 */
export function serverConfig(
  blocks: readonly ServerBlock[],
  defaultPort: number = DEFAULT_PORT,
): readonly BlockConfig[] {
  const configs = blocks.flatMap((block) => blockConfigs(block, defaultPort))
  const seen = new Set<string>()
  for (const [i, { zones, port, bind }] of configs.entries()) {
    for (const zone of zones) {
      const key = `${zone}.:${port} ${bind.join(' ')}`
      const place = blocks[Math.min(i, blocks.length - 1)] ?? { file: 'Corefile', line: 1 }
      if (seen.has(key)) throw corefileError(place, `cannot serve dns://${zone}.:${port} - it is already defined`)
      seen.add(key)
    }
  }
  return configs
}

function blockConfigs(block: ServerBlock, defaultPort: number): BlockConfig[] {
  const byPort = new Map<number, string[]>()
  for (const key of block.keys) {
    const [, scheme = 'dns://', zone = '', port] = /^([a-z]+:\/\/)?(.*?)(?::(\d+))?$/.exec(key) ?? []
    if (scheme !== 'dns://') throw corefileError(block, `${scheme} is not served; wanted is dns://`)
    const number = port === undefined ? defaultPort : Number(port)
    if (number > 65_535) throw corefileError(block, `'${key}' has no port from 0 to 65535`)
    const zones = byPort.get(number) ?? []
    zones.push(...zoneNames(block, [zone === '' ? '.' : zone]))
    byPort.set(number, zones)
  }
  return [...byPort].map(([port, zones]) => blockConfig(block, zones, port))
}

function blockConfig({ directives }: ServerBlock, zones: readonly string[], port: number): BlockConfig {
  const draft: Draft = {
    zones,
    port,
    bind: [],
    forwards: [],
    rewrites: [],
    loop: false,
  }
  for (const directive of directives) {
    const read = Object.hasOwn(READERS, directive.name) ? READERS[directive.name] : undefined
    if (read === undefined) {
      const known = DIRECTIVES.join(', ')
      throw corefileError(directive, `Unknown directive '${directive.name}'; known are ${known}`)
    }
    read(draft, directive)
  }
  return draft
}

const LEVELS = ['warning', 'error', 'info', 'debug'] as const
const MAX_PATTERN = 10_000

/** `consolidate DURATION REGEXP [LEVEL] [show_first]` */
function consolidation(line: Directive): Consolidation {
  const [period = '', source = '', ...words] = requireArguments(line, 2, 4)
  const level = LEVELS.find((known) => known === words[0])
  const rest = level === undefined ? words : words.slice(1)
  if (rest.length > 1 || (rest.length === 1 && rest[0] !== 'show_first')) {
    throw corefileError(
      line,
      `unknown options '${rest.join(' ')}' in consolidate; known are ${LEVELS.join(', ')}, show_first`,
    )
  }
  if (source.length > MAX_PATTERN)
    throw corefileError(line, `regular expression is longer than ${MAX_PATTERN} characters`)
  const periodMs = duration(line, period)
  try {
    const pattern = new RegExp(source)
    return { periodMs, period, pattern, level: level ?? 'error', showFirst: rest.length === 1 }
  } catch (cause) {
    throw corefileError(line, `invalid regular expression ${source} (${String(cause)})`)
  }
}

function logConfig(directive: Directive): LogConfig {
  const format = directive.args.findIndex((text) => text.includes('{'))
  const names = format < 0 ? directive.args : directive.args.slice(0, format)
  const text = format < 0 ? '{common}' : directive.args.slice(format).join(' ')
  const classes: string[] = []
  for (const line of directive.block) {
    requireOneOf(line, ['class'])
    for (const name of line.args) {
      if (!['all', 'success', 'denial', 'error'].includes(name)) throw corefileError(line, `invalid Class: ${name}`)
      classes.push(name)
    }
  }
  return {
    names: names.length === 0 ? [''] : zoneNames(directive, names),
    format: text.replace('{common}', COMMON_LOG_FORMAT).replace('{combined}', COMBINED_LOG_FORMAT),
    classes: classes.length === 0 ? ['all'] : classes,
  }
}

function requireOneOf(line: Directive, names: readonly string[]): void {
  if (!names.includes(line.name)) throw corefileError(line, `unknown property '${line.name}'`)
}
