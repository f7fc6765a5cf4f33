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
const MAX_SEARCH_LINE = 2048
const MAX_HOSTNAME = 63
const MAX_KERNEL_NAME = 64

/** The host name that a pod's containers see: its short one, or the one in full where `setHostnameAsFQDN` says so. */
export function podHostname(pod: Pod, domain: string): string {
  // Its name belongs to the network, and that is the node's.
  if (pod.spec.hostNetwork === true) return pod.spec.nodeName ?? shortHostname(pod)
  const fqdn = pod.spec.setHostnameAsFQDN === true ? podFqdn(pod, domain) : undefined
  return fqdn ?? shortHostname(pod)
}

/**
 * Why the pod cannot have the host name that it asks for, in upstream's words; `undefined` when it can. The kernel takes
 * 64 bytes.
 */
export function hostnameProblem(pod: Pod, domain: string): string | undefined {
  const name = podHostname(pod, domain)
  if (name.length <= MAX_KERNEL_NAME) return undefined
  return `failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (64 characters is the max, ${name.length} characters requested)`
}

function shortHostname(pod: Pod): string {
  return (pod.spec.hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '')
}

/** The pod's own name in full, when it has one: it names a hostname's subdomain (a headless Service). */
export function podFqdn(pod: Pod, domain: string): string | undefined {
  if (pod.spec.subdomain === undefined || pod.spec.subdomain === '') return undefined
  return `${shortHostname(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${domain}`
}

/**
 * What the pod's `/etc/resolv.conf` says, by its `dnsPolicy` and `dnsConfig`.
 *
 * @param host The node's own resolv.conf.
 */
export function podResolver(pod: Pod, dns: ClusterDns, host: ResolverConfig): ResolverConfig {
  const { nameservers, searches, options } = wantedResolver(pod, dns, host)
  return {
    nameservers: nameservers.slice(0, MAX_NAMESERVERS),
    searches: withinLine(searches.slice(0, MAX_SEARCHES)),
    options,
  }
}

/** What of that does not fit into a resolv.conf, in upstream's words (pkg/kubelet/network/dns/dns.go). */
export function resolverProblems(pod: Pod, dns: ClusterDns, host: ResolverConfig): readonly string[] {
  const [wanted, given] = [wantedResolver(pod, dns, host), podResolver(pod, dns, host)]
  const problems: string[] = []
  if (given.searches.length < wanted.searches.length) {
    const line = given.searches.join(' ')
    problems.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${line}`,
    )
  }
  if (given.nameservers.length < wanted.nameservers.length) {
    const line = given.nameservers.join(' ')
    problems.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${line}`,
    )
  }
  return problems
}

function wantedResolver(pod: Pod, dns: ClusterDns, host: ResolverConfig): ResolverConfig {
  const base = baseResolver(pod, dns, host)
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {}
  const added = options.map(({ name, value }) => (value === undefined ? name : `${name}:${value}`))
  const overridden = new Set(options.map(({ name }) => name))
  const kept = base.options.filter((option) => !overridden.has(option.split(':')[0] ?? ''))
  return {
    nameservers: unique([...base.nameservers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: [...kept, ...added],
  }
}

/** As many as the line takes. */
function withinLine(searches: readonly string[]): readonly string[] {
  let length = -1
  const end = searches.findIndex((search) => {
    length += search.length + 1
    return length > MAX_SEARCH_LINE
  })
  return end < 0 ? searches : searches.slice(0, end)
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

/** The text of `/etc/hosts` of a pod in the node's network: the node's own, and what the pod asks for. */
export function nodeHosts(pod: Pod, text: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${text}${aliasLines(pod)
    .map((line) => `${line}\n`)
    .join('')}`
}

/** The text of a pod's `/etc/hosts`. */
export function podHosts(pod: Pod, addresses: readonly string[], domain: string): string {
  const names = [podFqdn(pod, domain), shortHostname(pod)].filter((name) => name !== undefined).join('\t')
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
  return `${[...lines, ...aliasLines(pod)].join('\n')}\n`
}

function aliasLines(pod: Pod): readonly string[] {
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`)
  return aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases]
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
