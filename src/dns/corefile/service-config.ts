/** The directives `health`, `ready`, `reload` and `loadbalance`. */
import { parseCidr } from '../../base/ip.ts'
import { duration, type HostPort, listenAddress, requireArguments, requireOneOf } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export interface ReadyConfig extends HostPort {
  /** Whether it may become unready again. */
  readonly isContinuous: boolean
}

export interface LoadbalanceConfig {
  /** Addresses in these come first; CIDRs. */
  readonly prefer: readonly string[]
  /** Which address comes first is decided by weights, not by turns. */
  readonly weights?: WeightsConfig
}

export interface WeightsConfig {
  readonly file: string
  /** 0: read once. */
  readonly reloadMs: number
}

export interface HealthConfig extends HostPort {
  readonly lameduckMs: number
}

export interface ReloadConfig {
  readonly intervalMs: number
  readonly jitterMs: number
}

export function healthConfig(directive: Directive): HealthConfig {
  const [text = ':8080'] = requireArguments(directive, 0, 1)
  let lameduckMs = 0
  for (const line of directive.block) {
    requireOneOf(line, ['lameduck'])
    lameduckMs = duration(line, requireArguments(line, 1)[0])
  }
  return { ...listenAddress(directive, text, 8080), lameduckMs }
}

export function readyConfig(directive: Directive): ReadyConfig {
  const [text = ':8181'] = requireArguments(directive, 0, 1)
  let monitor = 'until-ready'
  for (const line of directive.block) {
    requireOneOf(line, ['monitor'])
    monitor = requireArguments(line, 1)[0] ?? ''
    if (monitor !== 'until-ready' && monitor !== 'continuously') {
      throw corefileError(line, `monitor type "${monitor}" not supported; wanted is until-ready or continuously`)
    }
  }
  return { ...listenAddress(directive, text, 8181), isContinuous: monitor === 'continuously' }
}

export function reloadConfig(directive: Directive): ReloadConfig {
  const [interval = '30s', jitter = '15s'] = requireArguments(directive, 0, 2)
  const intervalMs = Math.max(2_000, duration(directive, interval))
  return { intervalMs, jitterMs: Math.min(intervalMs / 2, Math.max(1_000, duration(directive, jitter))) }
}

const DEFAULT_RELOAD_MS = 30_000

/** `loadbalance [round_robin | weighted FILE]`, with `prefer` for either and `reload` for the file. */
export function loadbalanceConfig(directive: Directive): LoadbalanceConfig {
  const [policy = 'round_robin', file, ...others] = directive.args
  const prefer: string[] = []
  const isWeighted = policy === 'weighted'
  if (!isWeighted && policy !== 'round_robin') {
    throw corefileError(directive, `unknown policy: ${policy}; known are round_robin, weighted`)
  }
  if (isWeighted && file === undefined) throw corefileError(directive, 'missing weight file argument')
  if (others.length > 0 || (!isWeighted && file !== undefined)) {
    throw corefileError(directive, `unexpected argument(s) of loadbalance ${policy}`)
  }
  let reloadMs = DEFAULT_RELOAD_MS
  for (const line of directive.block) {
    requireOneOf(line, isWeighted ? ['prefer', 'reload'] : ['prefer'])
    if (line.name === 'reload') reloadMs = duration(line, requireArguments(line, 1)[0])
    else prefer.push(...preferred(line))
  }
  return isWeighted && file !== undefined ? { prefer, weights: { file, reloadMs } } : { prefer }
}

function preferred(line: Directive): readonly string[] {
  const texts = requireArguments(line, 1, 100)
  for (const text of texts) {
    if (parseCidr(text) === undefined) throw corefileError(line, `invalid CIDR address: ${text}`)
  }
  return texts
}
