import type { Pod, PodSpec } from '../kube/types/core.ts'

/** Where the cluster's DNS is. */
export interface ClusterDns {
  /** Address of Service kube-dns. */
  readonly server: string
  /** `cluster.local` */
  readonly domain: string
}

/** The lists of a resolv.conf(5). */
export interface ResolverConfig {
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

/** More than the C library reads; upstream's limits. */
const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_HOSTNAME = 63

/** The host name that a pod's containers see. */
export function podHostname(pod: Pod): string {
  return (pod.spec.hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '')
}

/** The pod's own name in full, when it has one: it names a hostname's subdomain (a headless Service). */
export function podFqdn(pod: Pod, domain: string): string | undefined {
  if (pod.spec.subdomain === undefined || pod.spec.subdomain === '') return undefined
  return `${podHostname(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${domain}`
}

/**
 * What the pod's `/etc/resolv.conf` says, by its `dnsPolicy` and `dnsConfig`.
 *
 * @param host The node's own resolv.conf.
 */
export function podResolver(pod: Pod, dns: ClusterDns, host: ResolverConfig): ResolverConfig {
  const base = baseResolver(pod, dns, host)
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {}
  const added = options.map(({ name, value }) => (value === undefined ? name : `${name}:${value}`))
  const overridden = new Set(options.map(({ name }) => name))
  const kept = base.options.filter((option) => !overridden.has(option.split(':')[0] ?? ''))
  return {
    nameservers: unique([...base.nameservers, ...nameservers]).slice(0, MAX_NAMESERVERS),
    searches: unique([...base.searches, ...searches]).slice(0, MAX_SEARCHES),
    options: [...kept, ...added],
  }
}

function baseResolver({ metadata, spec }: Pod, dns: ClusterDns, host: ResolverConfig): ResolverConfig {
  const policy = effectivePolicy(spec)
  if (policy === 'None') return { nameservers: [], searches: [], options: [] }
  if (policy === 'Default') return host
  const own = [`${metadata.namespace}.svc.${dns.domain}`, `svc.${dns.domain}`, dns.domain]
  return { nameservers: [dns.server], searches: [...own, ...host.searches], options: ['ndots:5'] }
}

/** A pod in the node's network uses the node's DNS unless it says otherwise. */
function effectivePolicy({ dnsPolicy = 'ClusterFirst', hostNetwork }: PodSpec): string {
  if (dnsPolicy === 'ClusterFirst' && hostNetwork === true) return 'Default'
  return dnsPolicy === 'ClusterFirstWithHostNet' ? 'ClusterFirst' : dnsPolicy
}

/** Reads a resolv.conf(5); the last `search` or `domain` counts. */
export function parseResolver(text: string): ResolverConfig {
  const nameservers: string[] = []
  let searches: string[] = []
  const options: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver') nameservers.push(...values.slice(0, 1))
    else if (keyword === 'search' || keyword === 'domain') searches = values
    else if (keyword === 'options') options.push(...values)
  }
  return { nameservers, searches, options }
}

/** The text of a resolv.conf(5). */
export function formatResolver({ nameservers, searches, options }: ResolverConfig): string {
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** The text of a pod's `/etc/hosts`. */
export function podHosts(pod: Pod, addresses: readonly string[], domain: string): string {
  const names = [podFqdn(pod, domain), podHostname(pod)].filter((name) => name !== undefined).join('\t')
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...addresses.map((address) => `${address}\t${names}`),
  ]
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`)
  const added = aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases]
  return `${[...lines, ...added].join('\n')}\n`
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
