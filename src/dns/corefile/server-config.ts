/** What a Corefile says: its directives read into data. Defaults are CoreDNS's. */
import { type HostPort, listenAddress, requireArguments, requireOneOf, zoneNames } from './arguments.ts'
import { bindAddresses } from './bind-config.ts'
import { type CacheConfig, cacheConfig } from './cache-config.ts'
import { type ForwardConfig, forwardConfig } from './forward-config.ts'
import { type HostsConfig, hostsConfig } from './hosts-config.ts'
import { type KubernetesConfig, kubernetesConfig } from './kubernetes-config.ts'
import { type ErrorsConfig, errorsConfig, type LogConfig, logConfig } from './log-config.ts'
import { corefileError, type Directive, type ServerBlock } from './parse-corefile.ts'
import { type RewriteRule, rewriteRule } from './rewrite-config.ts'
import {
  type HealthConfig,
  healthConfig,
  type LoadbalanceConfig,
  loadbalanceConfig,
  type ReadyConfig,
  type ReloadConfig,
  readyConfig,
  reloadConfig,
} from './service-config.ts'

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

type Place = Pick<Directive, 'file' | 'line'>

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
    draft.errors = errorsConfig(directive)
  },
  health: (draft, directive) => {
    draft.health = healthConfig(directive)
  },
  ready: (draft, directive) => {
    draft.ready = readyConfig(directive)
  },
  prometheus: (draft, directive) => {
    for (const line of directive.block) requireOneOf(line, ['runtime_metrics'])
    draft.prometheus = listenAddress(directive, requireArguments(directive, 0, 1)[0] ?? 'localhost:9153', 9153)
  },
  loop: (draft, directive) => {
    requireArguments(directive, 0)
    draft.loop = true
  },
  reload: (draft, directive) => {
    draft.reload = reloadConfig(directive)
  },
  loadbalance: (draft, directive) => {
    draft.loadbalance = loadbalanceConfig(directive)
  },
  autopath: (draft, directive) => {
    const [source = '', ...zones] = [...requireArguments(directive, 1, 20)].reverse()
    draft.autopath = { zones: zones.length === 0 ? draft.zones : zoneNames(directive, zones), source }
  },
  bind: (draft, directive) => {
    draft.bind = [...draft.bind, ...bindAddresses(directive)]
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
  requireOwnAddress(
    draft,
    directives.find(({ name }) => name === 'rewrite'),
  )
  return draft
}

/** A packet does not say to which of several addresses it came. */
function requireOwnAddress({ rewrites, bind }: Draft, place: Place | undefined): void {
  const isAsked = rewrites.some(
    (rule) => rule.field === 'edns0' && rule.value?.kind === 'variable' && rule.value.variable === 'server_ip',
  )
  if (!isAsked || bind.length === 1 || place === undefined) return
  throw corefileError(place, 'rewrite edns0 {server_ip} needs the directive bind with one address')
}
