import { type Cidr, cidrContains, formatCidr, parseAddress, parseCidr } from '../base/ip.ts'
import type { Service } from '../kube/types/core.ts'
import type { FrontendContext } from './frontends.ts'
import type { Family, Problem } from './service-plan.ts'

/**
 * Who may reach the load-balancer addresses of a Service in one family; undefined when everybody may: also when all
 * ranges are of the other family. A range with the node's own address admits the load-balancer addresses too: where
 * such an address is bound to the node, the node's connections come from it.
 * Source: kube-proxy pkg/proxy/nftables/proxier.go, firewall-check
 *
 * @param virtual The load-balancer addresses that the node answers.
 */
export function sourceRanges(
  service: Service,
  virtual: readonly string[],
  { family, node, problems }: FrontendContext,
): readonly string[] | undefined {
  const ranges: Cidr[] = []
  for (const text of service.spec.loadBalancerSourceRanges ?? []) {
    const cidr = parseCidr(text.trim())
    if (cidr === undefined) report(problems, invalidRange(service, text))
    else if (isOf(family, cidr)) ranges.push(cidr)
  }
  if (ranges.length === 0) return undefined
  const own = node.addresses.flatMap((address) => parseAddress(address) ?? [])
  const fromNode = ranges.some((range) => own.some((address) => cidrContains(range, address)))
  const admitted = fromNode ? [...ranges, ...virtual.flatMap((text) => hostCidr(text, family))] : ranges
  return outermost(admitted).map(formatCidr)
}

/** Whether a client's address is within the ranges. @param sources As {@link sourceRanges} gave them. */
export function admits(sources: readonly string[] | undefined, address: string): boolean {
  const bytes = parseAddress(address)
  if (sources === undefined || bytes === undefined) return sources === undefined
  return sources.some((text) => {
    const range = parseCidr(text)
    return range !== undefined && cidrContains(range, bytes)
  })
}

/** Without ranges that lie in others, and each once: the kernel refuses ranges that overlap. */
export function outermost(cidrs: readonly Cidr[]): Cidr[] {
  return cidrs.filter((cidr, index) => !cidrs.some((other, at) => at !== index && covers(other, cidr, at < index)))
}

/** Whether `outer` makes `inner` needless; of two that are equal the first stays. */
function covers(outer: Cidr, inner: Cidr, first: boolean): boolean {
  if (!cidrContains(outer, inner.network)) return false
  return outer.prefixLength < inner.prefixLength || (outer.prefixLength === inner.prefixLength && first)
}

function hostCidr(address: string, family: Family): Cidr[] {
  const cidr = parseCidr(`${address}/${address.includes(':') ? 128 : 32}`)
  return cidr !== undefined && isOf(family, cidr) ? [cidr] : []
}

function isOf(family: Family, cidr: Cidr): boolean {
  return cidr.family === (family === 'ip' ? 4 : 6)
}

/** Both families and every port meet the same range: said once. */
function report(problems: Problem[], problem: Problem): void {
  if (!problems.some(({ message }) => message === problem.message)) problems.push(problem)
}

function invalidRange(service: Service, text: string): Problem {
  return {
    object: 'Service',
    name: `${service.metadata.namespace ?? ''}/${service.metadata.name}`,
    reason: 'InvalidSourceRange',
    message: `loadBalancerSourceRanges "${text}" is not a CIDR`,
  }
}
