import { addressFamily, canonicalAddress } from '../../base/ip.ts'
import { canonicalName } from '../wire/name.ts'
import { duration, requireArguments, wholeNumber, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export interface HostsEntry {
  readonly address: string
  readonly names: readonly string[]
}

/** The directive `hosts`. */
export interface HostsConfig {
  readonly zones: readonly string[]
  /** Undefined when entries are inline only. */
  readonly file: string | undefined
  readonly inline: readonly HostsEntry[]
  readonly ttl: number
  readonly reverse: boolean
  readonly reloadMs: number
  readonly fallthrough: readonly string[]
  /** Whether questions for other types than addresses fall through in those zones, also for names that are there. */
  readonly passesUnsupported: boolean
}

export function hostsConfig(directive: Directive, blockZones: readonly string[]): HostsConfig {
  const [file, ...zones] = directive.args
  const draft: { -readonly [K in keyof HostsConfig]: HostsConfig[K] } & { inline: HostsEntry[] } = {
    zones: zones.length === 0 ? blockZones : zoneNames(directive, zones),
    file: file ?? '/etc/hosts',
    inline: [],
    ttl: 3_600,
    reverse: true,
    reloadMs: 5_000,
    fallthrough: [],
    passesUnsupported: false,
  }
  for (const line of directive.block) {
    if (line.name === 'ttl') draft.ttl = wholeNumber(line, requireArguments(line, 1)[0], [1, 65_535])
    else if (line.name === 'no_reverse') draft.reverse = false
    else if (line.name === 'reload') draft.reloadMs = duration(line, requireArguments(line, 1)[0])
    else if (line.name === 'fallthrough') draft.fallthrough = line.args.length === 0 ? [''] : zoneNames(line, line.args)
    else if (line.name === 'fallthrough_unsupported') draft.passesUnsupported = requireArguments(line, 0).length === 0
    else if (addressFamily(line.name) === undefined) throw corefileError(line, `unknown property '${line.name}'`)
    else draft.inline.push(...hostsEntries([line.name, ...line.args].join(' ')))
  }
  if (draft.passesUnsupported && draft.fallthrough.length === 0) {
    throw corefileError(directive, 'fallthrough_unsupported requires fallthrough')
  }
  // As upstream: inline entries alone need no file.
  if (file === undefined && draft.inline.length > 0) draft.file = undefined
  return draft
}

/** Reads lines of a hosts file; those without an address are left out. */
export function hostsEntries(text: string): HostsEntry[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (addressFamily(address) === undefined || names.length === 0) return []
    return [{ address: canonicalAddress(address) ?? address, names: names.map(canonicalName) }]
  })
}
