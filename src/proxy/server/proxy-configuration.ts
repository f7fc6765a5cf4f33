/**
 * What a proxy is told by flags or by a file: kube-proxy's KubeProxyConfiguration as far as it means something here.
 * Source: k8s.io/kube-proxy config/v1alpha1, cmd/kube-proxy/app/options.go
 */
import { FairleadError } from '../../base/error.ts'
import type { DetectLocal } from '../node-detection.ts'
import { conntrackOf } from './conntrack-settings.ts'
import { FieldReader } from './field-reader.ts'
import { detectLocalOf, hostPortOf, modeOf, nodePortAddressesOf } from './proxy-fields.ts'

export const CONFIGURATION_VERSION = 'kubeproxy.config.k8s.io/v1alpha1'
export const CONFIGURATION_KIND = 'KubeProxyConfiguration'

/** `ipvs`: nf_tables all the same, with the semantics of ACK's IPVS mode for load-balancer addresses inside. */
export type ProxyMode = 'nftables' | 'ipvs'

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface ProxyConfiguration {
  /** Left out: the service account of the pod it runs in. */
  readonly kubeconfig?: string
  /** Name of the Node. @default the machine's host name in lower case */
  readonly hostnameOverride?: string
  readonly mode: ProxyMode
  /** Takes the place of the Node's primary address. */
  readonly bindAddress?: string
  /** Ranges, or the words `primary`, `localhost`, `all`; empty for the default. */
  readonly nodePortAddresses: readonly string[]
  readonly detectLocal: DetectLocal
  /** Whoever asks a ClusterIP is masqueraded. */
  readonly masqueradeAll: boolean
  /** Left out: no server. */
  readonly healthz?: HostPort
  /** Left out: no server. */
  readonly metrics?: HostPort
  /** A port that is taken ends the proxy, instead of being tried again. */
  readonly bindAddressHardFail: boolean
  /** A change that is not in the kernel after twice this makes the proxy unhealthy. */
  readonly syncPeriodMs: number
  /** Kernel settings of connection tracking that were asked for, by name with slashes. */
  readonly conntrack: Readonly<Record<string, number>>
  readonly oomScoreAdj: number
  /** As klog's: 4 and more says more. */
  readonly verbosity: number
}

export interface ReadConfiguration {
  readonly configuration: ProxyConfiguration
  /** What was asked for and is not done, each a sentence. */
  readonly warnings: readonly string[]
}

const HEALTHZ_PORT = 10256
const METRICS_PORT = 10249
const SYNC_PERIOD_MS = 30_000
/** pkg/kubelet/qos: what the kernel kills last. */
const OOM_SCORE_ADJ = -999

/**
 * Reads a KubeProxyConfiguration.
 *
 * @param source Where it came from, for messages.
 * @throws FairleadError `INVALID_INPUT` that names every field whose value cannot be used: values that are wrong, and
 *   those that would change what packets do and are not offered.
 */
export function readConfiguration(raw: unknown, source: string): ReadConfiguration {
  const fields = new FieldReader(raw)
  requireKind(fields, source)
  const bindAddress = boundAddress(fields)
  const ipv6 = bindAddress?.includes(':') ?? false
  const hostnameOverride = fields.text('hostnameOverride')
  const kubeconfig = fields.child('clientConnection').text('kubeconfig')
  const mode = modeOf(fields)
  const healthz = hostPortOf(fields, 'healthzBindAddress', { host: ipv6 ? '::' : '0.0.0.0', port: HEALTHZ_PORT })
  const metrics = hostPortOf(fields, 'metricsBindAddress', { host: ipv6 ? '::1' : '127.0.0.1', port: METRICS_PORT })
  const backend = fields.child(mode)
  const configuration: ProxyConfiguration = {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(hostnameOverride === undefined ? {} : { hostnameOverride: hostnameOverride.trim().toLowerCase() }),
    mode,
    ...(bindAddress === undefined ? {} : { bindAddress }),
    nodePortAddresses: nodePortAddressesOf(fields),
    detectLocal: detectLocalOf(fields),
    masqueradeAll: masqueradesAll(fields, mode),
    ...(healthz === undefined ? {} : { healthz }),
    ...(metrics === undefined ? {} : { metrics }),
    bindAddressHardFail: fields.flag('bindAddressHardFail'),
    syncPeriodMs: backend.duration('syncPeriod') || SYNC_PERIOD_MS,
    conntrack: conntrackOf(fields.child('conntrack')),
    oomScoreAdj: oomScoreOf(fields),
    verbosity: fields.child('logging').number('verbosity') ?? 0,
  }
  refuseWhatIsNotOffered(fields, mode)
  noteWhatIsIgnored(fields)
  fields.noteUnread()
  const { errors, warnings } = fields
  if (errors.length === 0) return { configuration, warnings }
  throw new FairleadError('INVALID_INPUT', `Cannot use ${source}: ${errors.join('; ')}`)
}

/** The configuration of a proxy that was told nothing but its mode. */
export function defaultConfiguration(mode: ProxyMode = 'nftables'): ProxyConfiguration {
  const raw = { apiVersion: CONFIGURATION_VERSION, kind: CONFIGURATION_KIND, mode }
  return readConfiguration(raw, 'the defaults').configuration
}

function requireKind(fields: FieldReader, source: string): void {
  const [version, kind] = [fields.text('apiVersion'), fields.text('kind')]
  if (version === CONFIGURATION_VERSION && kind === CONFIGURATION_KIND) return
  const given = `${version ?? 'no apiVersion'}, ${kind ?? 'no kind'}`
  const wanted = `${CONFIGURATION_VERSION}, ${CONFIGURATION_KIND}`
  throw new FairleadError('INVALID_INPUT', `Cannot use ${source}: it is ${given}; wanted: ${wanted}`)
}

/** Undefined for all addresses: then the Node says. */
function boundAddress(fields: FieldReader): string | undefined {
  const address = fields.address('bindAddress')
  return address === '0.0.0.0' || address === '::' ? undefined : address
}

function oomScoreOf(fields: FieldReader): number {
  const score = fields.number('oomScoreAdj') ?? OOM_SCORE_ADJ
  if (score < -1000 || score > 1000) fields.error('oomScoreAdj', score, 'must be within the range [-1000, 1000]')
  return score
}

/** Settings without which packets would go another way than the writer expects. */
function refuseWhatIsNotOffered(fields: FieldReader, mode: ProxyMode): void {
  const nftables = fields.child('nftables')
  const bit = nftables.number('masqueradeBit') ?? 14
  if (mode === 'nftables' && bit !== 14) nftables.error('masqueradeBit', bit, 'Fairlead marks with bit 14')
}

/** kube-proxy's IPVS mode masquerades by iptables, and has its setting there. */
function masqueradesAll(fields: FieldReader, mode: ProxyMode): boolean {
  const [nftables, iptables] = (['nftables', 'iptables'] as const).map((name) => {
    return fields.child(name).flag('masqueradeAll')
  })
  return (mode === 'ipvs' ? iptables : nftables) ?? false
}

function noteWhatIsIgnored(fields: FieldReader): void {
  const ipvs = fields.child('ipvs')
  const scheduler = ipvs.text('scheduler')
  if (scheduler !== undefined && scheduler !== 'rr') {
    fields.warn(
      `ipvs.scheduler "${scheduler}" is not used: a Service chooses by annotation fairlead.dev/load-balancing`,
    )
  }
  if (ipvs.flag('strictARP')) fields.warn('ipvs.strictARP is not done: Fairlead puts no address on an interface')
  for (const name of ['tcpTimeout', 'tcpFinTimeout', 'udpTimeout']) {
    if (ipvs.duration(name) > 0) fields.warn(`ipvs.${name} is not done: connections are tracked by conntrack`)
  }
  if (fields.flag('enableProfiling')) fields.warn('enableProfiling is not done: use node --inspect')
  if (fields.text('showHiddenMetricsForVersion') !== undefined) fields.warn('There are no hidden metrics to show')
  for (const gate of fields.keys('featureGates')) fields.warn(`Feature gate ${gate} is none of Fairlead's`)
  const type = fields.child('clientConnection').text('contentType')
  if (type !== undefined && !type.includes('json'))
    fields.warn(`clientConnection.contentType "${type}": JSON is spoken`)
}
