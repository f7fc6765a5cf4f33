import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The host's own network namespace, as the machine's own tools and /proc/sys/net tell it. */
export type HostSnapshot = Readonly<Record<string, string>>

const COMMANDS = [
  'ip -details addr',
  'ip -details link',
  'ip route show table all',
  'ip -6 route show table all',
  'ip rule',
  'ip -6 rule',
  'ip neigh show nud permanent',
  'bridge fdb',
  'nft list ruleset',
] as const

/** Values that count what happens on the machine, and keys that come with a kernel module as soon as anybody uses it. */
const VARYING = /nf_conntrack_count|\/random\/|tcp_mem|udp_mem|\/route\/|tcp_fastopen_key/
const OF_MODULES = /^net\/(netfilter|bridge|nf_conntrack_max)/

export function hostSnapshot(): HostSnapshot {
  const told = COMMANDS.map((command) => [command, withoutClocks(run(command))] as const)
  return Object.fromEntries([...told, ...sysctls('net')])
}

/** What differs, one line each; empty when nothing does. */
export function hostDifferences(before: HostSnapshot, after: HostSnapshot): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const [old, now] = [before[key], after[key]]
    if (old === now || (old === undefined && OF_MODULES.test(key))) return []
    return [`${key} was: ${old}\nand is: ${now}`]
  })
}

function run(command: string): string {
  const [program = '', ...args] = command.split(' ')
  return execFileSync(program, args, { encoding: 'utf8' })
}

/** Lifetimes of addresses and routes that a router announced run down. */
function withoutClocks(text: string): string {
  return text.replace(/(valid_lft|preferred_lft|expires|gc_timer|hello_timer) +[\d.]+(sec)?/g, '$1')
}

function sysctls(directory: string): (readonly [string, string])[] {
  const path = join('/proc/sys', directory)
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const name = `${directory}/${entry.name}`
    if (entry.isDirectory()) return sysctls(name)
    if (VARYING.test(name)) return []
    const value = readSysctl(join('/proc/sys', name))
    return value === undefined ? [] : [[name, value] as const]
  })
}

/** Undefined for what can only be written. */
function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    // Some keys can only be written, and some refuse until their device is set up.
    return undefined
  }
}
