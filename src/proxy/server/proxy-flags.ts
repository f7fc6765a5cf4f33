/** Flags of `fairlead proxy` as a KubeProxyConfiguration; names are kube-proxy's. */
import { CONFIGURATION_KIND, CONFIGURATION_VERSION } from './proxy-configuration.ts'

/** As commander gives them: left out where the flag was not given. */
export interface ProxyFlags {
  readonly kubeconfig?: string
  readonly hostnameOverride?: string
  readonly bindAddress?: string
  readonly healthzBindAddress?: string
  readonly metricsBindAddress?: string
  readonly bindAddressHardFail?: boolean
  readonly proxyMode?: string
  readonly masqueradeAll?: boolean
  readonly clusterCidr?: string
  readonly detectLocalMode?: string
  readonly podBridgeInterface?: string
  readonly podInterfaceNamePrefix?: string
  readonly nodeportAddresses?: string
  readonly ipvsScheduler?: string
  readonly oomScoreAdj?: number
  readonly conntrackMaxPerCore?: number
  readonly conntrackMin?: number
  readonly conntrackTcpTimeoutEstablished?: string
  readonly conntrackTcpTimeoutCloseWait?: string
  readonly conntrackTcpBeLiberal?: boolean
  readonly conntrackUdpTimeout?: string
  readonly conntrackUdpTimeoutStream?: string
  readonly v?: number
}

/** Flags that count beside a configuration file; of the others the file has the say, as upstream. */
const BESIDE_A_FILE: readonly string[] = ['kubeconfig', 'hostnameOverride', 'v']

/** Turns a server off: the one value that an address cannot have. */
const NOWHERE = '0.0.0.0:0'

/** The configuration that the flags ask for. */
export function configurationFromFlags(flags: ProxyFlags): Record<string, unknown> {
  return {
    apiVersion: CONFIGURATION_VERSION,
    kind: CONFIGURATION_KIND,
    clientConnection: { kubeconfig: flags.kubeconfig },
    hostnameOverride: flags.hostnameOverride,
    bindAddress: flags.bindAddress,
    healthzBindAddress: served(flags.healthzBindAddress),
    metricsBindAddress: served(flags.metricsBindAddress),
    bindAddressHardFail: flags.bindAddressHardFail,
    mode: flags.proxyMode,
    nftables: { masqueradeAll: flags.masqueradeAll },
    iptables: { masqueradeAll: flags.masqueradeAll },
    ipvs: { scheduler: flags.ipvsScheduler },
    clusterCIDR: flags.clusterCidr,
    detectLocalMode: flags.detectLocalMode,
    detectLocal: { bridgeInterface: flags.podBridgeInterface, interfaceNamePrefix: flags.podInterfaceNamePrefix },
    nodePortAddresses: flags.nodeportAddresses?.split(',').filter((one) => one !== ''),
    oomScoreAdj: flags.oomScoreAdj,
    conntrack: {
      maxPerCore: flags.conntrackMaxPerCore,
      min: flags.conntrackMin,
      tcpEstablishedTimeout: flags.conntrackTcpTimeoutEstablished,
      tcpCloseWaitTimeout: flags.conntrackTcpTimeoutCloseWait,
      tcpBeLiberal: flags.conntrackTcpBeLiberal,
      udpTimeout: flags.conntrackUdpTimeout,
      udpStreamTimeout: flags.conntrackUdpTimeoutStream,
    },
    logging: { verbosity: flags.v },
  }
}

/** A configuration file with the flags that count beside it, and the names of those that do not. */
export function configurationFromFile(
  file: unknown,
  flags: ProxyFlags,
): { readonly configuration: unknown; readonly ignored: readonly string[] } {
  const given = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  const ignored = given.filter((name) => !BESIDE_A_FILE.includes(name))
  if (typeof file !== 'object' || file === null) return { configuration: file, ignored }
  const { clientConnection = {}, logging = {}, ...rest } = file as Readonly<Record<string, object>>
  const configuration = {
    ...rest,
    clientConnection: { ...clientConnection, ...present({ kubeconfig: flags.kubeconfig }) },
    logging: { ...logging, ...present({ verbosity: flags.v }) },
    ...present({ hostnameOverride: flags.hostnameOverride }),
  }
  return { configuration, ignored }
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function served(address: string | undefined): string | undefined {
  return address === '' ? NOWHERE : address
}
