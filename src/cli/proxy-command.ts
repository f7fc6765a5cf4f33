import { type Command, Option } from 'commander'
import { flag, signedNumber } from './option-parsers.ts'

/** Flags of `fairlead proxy`, under kube-proxy's names. What they do is loaded when it is called. */
export function addProxyCommand(program: Command, onExit: (code: number) => void): void {
  const command = program
    .command('proxy')
    .description("run the node proxy of this machine, in kube-proxy's place")
    .option('--kubeconfig <file>', 'how to reach the API server; without it, the service account of this pod')
    .option('--master <url>', 'address of the API server; overrides the one of the kubeconfig')
    .option('--config <file>', 'a KubeProxyConfiguration; most flags do not count beside it')
    .option('--write-config-to <file>', 'write the configuration that the flags ask for, and exit')
    .option('--cleanup', 'remove what the proxy has put into the kernel, and exit')
    .option('--hostname-override <name>', 'name of the Node; without it, the host name of this machine')
    .option('--proxy-mode <mode>', 'nftables (default) or ipvs')
    .option('--bind-address <ip>', 'overrides the primary address of the Node; nothing is bound to it')
    .option('--healthz-bind-address <ip:port>', 'of /healthz and /livez; empty: none (default 0.0.0.0:10256)')
    .option('--metrics-bind-address <ip:port>', 'of /metrics; empty: none (default 127.0.0.1:10249)')
    .addOption(flag('--bind-address-hard-fail', 'end when a port is taken, instead of trying again'))
    .option('--nodeport-addresses <list>', 'ranges of addresses that NodePorts answer on, or primary')
    .option('--cluster-cidr <cidrs>', 'ranges of the pods of the cluster, at most one of each family')
    .option(
      '--detect-local-mode <mode>',
      'how pods of this node are told: NodeCIDR, ClusterCIDR, BridgeInterface or InterfaceNamePrefix',
    )
    .option('--pod-bridge-interface <name>', 'the bridge of the pods, for BridgeInterface')
    .option('--pod-interface-name-prefix <text>', 'what their interfaces begin with, for InterfaceNamePrefix')
    .addOption(flag('--masquerade-all', 'masquerade all ClusterIP traffic'))
    .option('--ipvs-scheduler <name>', 'rr; a Service chooses another by annotation')
    .option('--oom-score-adj <score>', 'of this process (default -999)', signedNumber)
    .option('--conntrack-max-per-core <count>', 'connections to track per core; 0 leaves it as it is', signedNumber)
    .option('--conntrack-min <count>', 'connections to track at least', signedNumber)
    .option('--conntrack-tcp-timeout-established <duration>', 'for idle TCP connections')
    .option('--conntrack-tcp-timeout-close-wait <duration>', 'for TCP connections that one side has closed')
    .addOption(flag('--conntrack-tcp-be-liberal', 'take TCP packets that are out of the window'))
    .option('--conntrack-udp-timeout <duration>', 'for UDP without an answer')
    .option('--conntrack-udp-timeout-stream <duration>', 'for UDP with answers')
    .addOption(new Option('-v, --v <level>', '4 and more logs more').argParser(signedNumber))
    .action(async (options) => {
      const { proxy } = await import('./commands/proxy.ts')
      onExit(await proxy(options))
    })
  command.addHelpText(
    'after',
    '\nExamples:\n  # fairlead proxy --kubeconfig /var/lib/kube-proxy/config\n  # fairlead proxy --cleanup',
  )
}
