import { type Command, Option } from 'commander'
import { duration, flag, signedNumber, wholeNumber } from './option-parsers.ts'

/** Flags of `fairlead ccm`, under the names of ACK's cloud-controller-manager. What they do is loaded when it is called. */
export function addCcmCommand(program: Command, onExit: (code: number) => void): void {
  program
    .command('ccm')
    .description("make load balancers of Services, in the place of ACK's cloud-controller-manager")
    .option('--kubeconfig <file>', 'how to reach the API server; without it, the service account of this pod')
    .option('--master <url>', 'address of the API server; overrides the one of the kubeconfig')
    .requiredOption(
      '--cloud-config <file>',
      'region, VPC, vSwitches, access key (or none: the RAM role of the machine): JSON or YAML under Global',
    )
    .option('--controllers <list>', 'service (CLB), nlb, node, route; * for all, -name for all but one (default *)')
    .option('--concurrent-service-syncs <count>', 'Services reconciled at the same time (default 3)', signedNumber)
    .option('--sg-batch-size <count>', 'servers in one call, up to 40 (default 40)', signedNumber)
    .option('--max-concurrent-actions <count>', 'calls of the cloud at the same time (default 10)', signedNumber)
    .option('--max-throttling-retry-times <count>', 'tries of a call that is throttled (default 10)', signedNumber)
    .option('--node-monitor-period <duration>', 'between two looks at nodes (default 5m)', duration)
    .option(
      '--route-reconciliation-period <duration>',
      'between two looks at routes, at least 1m (default 5m)',
      duration,
    )
    .addOption(flag('--configure-cloud-routes', 'write routes to pods into the VPC (default true)'))
    .option('--cluster-cidr <cidr>', 'range of pods; mandatory to write routes')
    .option('--node-reconcile-batch-size <count>', 'machines in one answer (default 100)', wholeNumber)
    .option('--route-reconcile-batch-size <count>', 'routes are written one by one, whatever it says', wholeNumber)
    .option('--node-event-aggregation-wait-seconds <s>', 'waited for more news of nodes (default 0)', signedNumber)
    .option(
      '--feature-gates <list>',
      'IPv6DualStack, EndpointSlice (always true), FilterServiceOnNodeChange, LoadBalancerTypeAnnotation: A=true,B=false',
    )
    .addOption(flag('--enable-imdsv2', "ask for a token before the machine's metadata (default true)"))
    .option('--kube-api-qps <number>', 'requests to the API server in a second (default: no limit)', Number)
    .option('--kube-api-burst <count>', 'of them at once, where --kube-api-qps says how many', wholeNumber)
    .addOption(flag('--leader-elect', 'act only while holding the Lease (default true)'))
    .option('--leader-elect-resource-name <name>', 'of the Lease (default ccm)')
    .option('--leader-elect-resource-namespace <name>', 'of the Lease (default kube-system)')
    .option('--leader-elect-resource-lock <kind>', 'leases, and nothing else')
    .option('--leader-elect-lease-duration <duration>', 'how long others wait for a sign (default 15s)', duration)
    .option('--leader-elect-renew-deadline <duration>', 'how long the leader tries to give one (default 10s)', duration)
    .option('--leader-elect-retry-period <duration>', 'between two tries (default 2s)', duration)
    .option('--metrics-bind-addr <ip:port>', 'of /metrics; 0: nowhere (default :8080)')
    .option('--health-probe-bind-addr <ip:port>', 'of /healthz; 0: nowhere (default :10258)')
    .addOption(new Option('--healthz-bind-address <ip:port>', 'the same').hideHelp())
    .addOption(flag('--dry-run', 'log what would be called, and call nothing that changes anything'))
    .addOption(flag('--ccm-compat', "ACK's own way in everything where this controller does better"))
    .option('--drift-period <duration>', 'after which the cloud is compared again (default 5m)', duration)
    .option('--cloud-provider <name>', 'alibabacloud, and nothing else')
    .option('--network <kind>', 'vpc, and nothing else')
    .addOption(flag('--skip-disable-source-dest-check', 'always true: that check of interfaces is never touched'))
    .addOption(flag('--use-service-account-credentials', 'always false: all controllers act as one user'))
    .option('--pprof-bind-addr <ip:port>', '0, and nothing else')
    // Taken, since nothing depends on them in ACK's controller either.
    .addOption(new Option('--cluster-name <name>').hideHelp())
    .addOption(flag('--allocate-node-cidrs', '').hideHelp())
    .addOption(flag('--allow-untagged-cloud', '').hideHelp())
    .addOption(new Option('-v, --v <level>', '4 and more logs more').argParser(signedNumber))
    .addHelpText(
      'after',
      '\nSLB_ENDPOINT, NLB_ENDPOINT, ECS_ENDPOINT and VPC_ENDPOINT name other endpoints than the public ones of the region.\n' +
        '\nExample:\n  $ fairlead ccm --kubeconfig admin.conf --cloud-config cloud-config.yaml --cluster-cidr 10.244.0.0/16',
    )
    .action(async (options) => {
      const { ccm } = await import('./commands/ccm.ts')
      onExit(await ccm(options))
    })
}
