/** What is done to measure: connections, and what the cloud says. Each returns plain facts; `cells/` give them names. */
import { connect as connectTls } from 'node:tls'
import { systemErrorCode } from '../base/error.ts'
import { cidrContains, parseCidr, requireAddress } from '../base/ip.ts'
import { ask, askOver, type EchoAnswer, type Target, type Vantage } from '../cluster/vantage.ts'
import { SyscallError } from '../linux/libc.ts'
import { connectTcp } from '../linux/socket.ts'
import type { Lab } from './lab.ts'

/** Longer than a lost first packet takes to be sent again (RFC 6298: 1 s). */
const REACH_TIMEOUT_MS = 1_500
/** Each way is asked so often: one answer may be luck. */
const REACH_ATTEMPTS = 3

export type Reach =
  | { readonly kind: 'answered'; readonly answers: readonly EchoAnswer[] }
  /** `refused`, `no answer`, `no route` */
  | { readonly kind: 'not'; readonly how: string }

/** Asks an address again and again; the first failure decides. */
export async function reach(from: Vantage, target: Target): Promise<Reach> {
  const answers: EchoAnswer[] = []
  for (let i = 0; i < REACH_ATTEMPTS; i++) {
    try {
      answers.push(await ask(from, target, REACH_TIMEOUT_MS))
    } catch (error) {
      return { kind: 'not', how: howItFailed(error) }
    }
  }
  return { kind: 'answered', answers }
}

/** The ways in which a network says no; anything else is a failure of the experiment. */
const REFUSALS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  TIMEOUT: 'no answer',
  ENETUNREACH: 'no route',
  EHOSTUNREACH: 'no route',
}

/** How a network said no. @throws what was given where it was something else that failed */
export function howItFailed(error: unknown): string {
  const code = error instanceof SyscallError ? error.errno : systemErrorCode(error)
  const how = REFUSALS[code ?? '']
  if (how === undefined) throw error
  return how
}

/** One connection after the other, each of its own. @throws what `ask` throws */
export async function converse(from: Vantage, target: Target, count: number): Promise<EchoAnswer[]> {
  const answers: EchoAnswer[] = []
  for (let i = 0; i < count; i++) answers.push(await ask(from, target))
  return answers
}

const TLS_TIMEOUT_MS = 3_000

/** Asks over TLS with a certificate that must be for the name. @throws the system's or TLS's own error */
export async function askTls(
  from: Vantage,
  target: Target,
  trust: { readonly ca: string; readonly servername: string },
): Promise<EchoAnswer> {
  const { host, port } = target
  const socket = await connectTcp({ netns: from.netns, host, port, timeoutMs: TLS_TIMEOUT_MS })
  return askOver(connectTls({ ...trust, socket }), { from, target, timeoutMs: TLS_TIMEOUT_MS })
}

/** How often each of them comes: `web-1 ×3, web-4 ×9`. */
export function tally(names: readonly string[]): string {
  const counts = countEach(names)
  return [...counts]
    .sort()
    .map(([name, count]) => `${name} ×${count}`)
    .join(', ')
}

export function countEach(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/**
 * Whether all take part alike. Health checks take turns too, and so counts may differ a little: the most is less than
 * twice the least. Weights of one to three are far beyond that.
 */
export function isEven(counts: ReadonlyMap<string, number>, all: readonly string[]): boolean {
  const each = all.map((name) => counts.get(name) ?? 0)
  return Math.max(...each) < 2 * Math.min(...each)
}

/** Without its port. */
export function sourceOf({ client }: EchoAnswer): string {
  return client.replace(/:\d+$/, '')
}

/** Node that an address is of: its own, or one of its pods' range where the node takes it as its own end of the network. */
export function nodeOfSource(lab: Lab, address: string): string | undefined {
  const found = lab.nodes.find(({ status, spec }) => {
    const own = (status?.addresses ?? []).some((one) => one.address === address)
    return own || (spec?.podCIDRs ?? []).some((cidr) => contains(cidr, address))
  })
  return found?.metadata.name
}

function contains(cidr: string, address: string): boolean {
  const range = parseCidr(cidr)
  return range !== undefined && cidrContains(range, requireAddress(address))
}
