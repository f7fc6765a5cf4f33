import { type Command, Option } from 'commander'
import { duration, flag, signedNumber } from './option-parsers.ts'

/** Flags of `fairlead ccm`, under the names of ACK's cloud-controller-manager. What they do is loaded when it is called. */
export function addCcmCommand(program: Command, onExit: (code: number) => void): void {
  program
    .command('ccm')
    .description("make load balancers of Services, in the place of ACK's cloud-controller-manager")
    .option('--kubeconfig <file>', 'how to reach the API server; without it, the service account of this pod')
    .option('--master <url>', 'address of the API server; overrides the one of the kubeconfig')
    .requiredOption('--cloud-config <file>', 'region, VPC, vSwitches, access key: JSON or YAML under Global')
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
    .option('--feature-gates <list>', 'IPv6DualStack=true, LoadBalancerTypeAnnotation=true')
    .addOption(flag('--leader-elect', 'act only while holding the Lease kube-system/ccm (default true)'))
    .option('--metrics-bind-addr <ip:port>', 'of /metrics; 0: nowhere (default :8080)')
    .option('--health-probe-bind-addr <ip:port>', 'of /healthz; 0: nowhere (default :10258)')
    .addOption(new Option('--healthz-bind-address <ip:port>', 'the same').hideHelp())
    .addOption(flag('--dry-run', 'log what would be called, and call nothing that changes anything'))
    .addOption(flag('--ccm-compat', "ACK's own way in everything where this controller does better"))
    .option('--drift-period <duration>', 'after which the cloud is compared again (default 5m)', duration)
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
