import { Command, CommanderError, Option } from 'commander'
import { DEFAULT_CLUSTER } from '../cluster/cluster-spec.ts'
import { addApiServerFlags, apiServerOptionsOf } from './api-server-flags.ts'
import { addCcmCommand } from './ccm-command.ts'
import { collect, wholeNumber } from './option-parsers.ts'
import { addProxyCommand } from './proxy-command.ts'
import { reportFailure } from './report-failure.ts'

/** The command line: arguments in, exit code out. Commands are loaded when they are called, so that help is instant. */
const USAGE_EXIT = 2
let exitCode = 0

const program = new Command('fairlead')
  .description('Kubernetes Services, end to end, on one Linux machine')
  .version('0.1.0', '-V, --version')
  .showHelpAfterError('(fairlead --help shows what there is)')
  .showSuggestionAfterError()
  .exitOverride()

const nameOption = () => new Option('--name <name>', 'name of the cluster').default(DEFAULT_CLUSTER)

const upCommand = program.command('up')

upCommand
  .description('start a cluster, run the demo on it, and keep it until Ctrl-C')
  .addOption(nameOption())
  .option('--nodes <count>', 'how many nodes', wholeNumber, 3)
  .option('--api-port <port>', 'port of the API server on 127.0.0.1; 0 for any free one', wholeNumber, 6443)
  .addOption(
    new Option(
      '--proxy-mode <mode>',
      "load-balancer addresses inside the cluster: upstream's way or that of ACK's IPVS",
    )
      .choices(['nftables', 'ipvs'])
      .default('nftables'),
  )
  .addOption(
    new Option('--network <kind>', 'how pods are connected: an overlay, or addresses of the VPC')
      .choices(['flannel', 'terway-eniip'])
      .default('flannel'),
  )
  .option('--instance-type <type>', 'instance type of the nodes; under terway-eniip it limits their pods')
  .option('--min-pool-size <count>', 'terway-eniip: free addresses that a node keeps ready (default 0)', wholeNumber)
  .option('--max-pool-size <count>', 'terway-eniip: free addresses that a node keeps at most (default 5)', wholeNumber)
  .option('--max-eni <count>', 'terway-eniip: secondary interfaces of a node at most', wholeNumber)
  .option('--max-pods <count>', 'pods that a node takes at most', wholeNumber, 110)
  .option('--node-monitor-grace-period <duration>', 'silence after which a node is unknown (default 50s)')
  .option('--image <name=path>', 'an image for this cluster (may be repeated)', collect, [])
  .option('--check', 'run the demo, take everything down, and exit with 0 or 1', false)
  .addOption(new Option('--detach', 'leave the cluster running in the background').default(false).conflicts('check'))
  .option('--no-demo', 'start an empty cluster')
  .option('--no-dns', "start without the cluster's DNS")
  .option(
    '--dns-upstream <address>',
    'whom the DNS asks for other names, as pods reach it (may be repeated; nobody by default)',
    collect,
    [],
  )
  .addHelpText('after', '\nExamples:\n  $ fairlead up\n  $ fairlead up --nodes 5 --name big --api-port 0 --detach')
  .action(async (options) => {
    const { up } = await import('./commands/up.ts')
    exitCode = await up({ ...options, apiServer: apiServerOptionsOf(options) })
  })

addApiServerFlags(upCommand)

program
  .command('dns')
  .description('serve the names of a cluster, as CoreDNS does')
  .option('--kubeconfig <path>', "the cluster's kubeconfig; in a pod its service account")
  .option('--conf <path>', 'the Corefile', 'Corefile')
  .option('--dns-port <port>', 'port of server blocks that name none', wholeNumber, 53)
  .option('--workers <count>', 'threads that answer by UDP', wholeNumber, 1)
  .action(async (options) => {
    const { dns } = await import('./commands/dns.ts')
    exitCode = await dns(options)
  })

program
  .command('down')
  .description('take a cluster down and remove all that is left of it')
  .addOption(nameOption())
  .action(async (options) => {
    const { down } = await import('./commands/down.ts')
    exitCode = await down(options)
  })

program
  .command('status')
  .description('show the clusters of this machine')
  .option('--name <name>', 'only this cluster')
  .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
  .action(async (options) => {
    const { status } = await import('./commands/status.ts')
    exitCode = await status(options)
  })

program
  .command('kubeconfig')
  .description("print the administrator's kubeconfig of a cluster")
  .addOption(nameOption())
  .action(async (options) => {
    const { printKubeconfig } = await import('./commands/status.ts')
    exitCode = printKubeconfig(options)
  })

const fromWhere = () => [
  nameOption(),
  new Option('--kubeconfig <path>', 'of a cluster elsewhere: it is only predicted, nothing is sent'),
  new Option('-n, --namespace <namespace>', 'where names without a namespace are looked for').default('default'),
]

const trace = program
  .command('trace')
  .description('explain the way of a connection, hop by hop, and why it fails')
  .argument('<from>', 'a pod (NAMESPACE/NAME), a node, "internet" or an address')
  .argument('<to>', 'a URL, svc/NAME[:PORT], pod/NAME[:PORT], NAME[:PORT] or ADDRESS:PORT; /udp at the end for UDP')
  .option('--no-confirm', 'send no packet: predict only')
  .addOption(new Option('--protocol <protocol>', 'of the connection').choices(['tcp', 'udp', 'sctp']))
  .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json', 'svg']).default('text'))
  .addHelpText(
    'after',
    '\nExamples:\n  $ fairlead trace client svc/web\n  $ fairlead trace internet http://203.0.113.11:30080/',
  )
  .action(async (from: string, to: string, options) => {
    const { runTrace } = await import('./trace-program.ts')
    exitCode = await runTrace(from, to, options)
  })
for (const option of fromWhere()) trace.addOption(option)

const whatIf = program
  .command('whatif')
  .description('forecast who gains or loses access when a Service is changed; nothing is changed')
  .argument('<resource>', 'svc/NAME or svc/NAMESPACE/NAME')
  .argument(
    '<change...>',
    'field=value: externalTrafficPolicy, internalTrafficPolicy, type, selector, replicas, network, ...',
  )
  .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
  .addHelpText(
    'after',
    '\nExamples:\n  $ fairlead whatif svc/web externalTrafficPolicy=Local\n  $ fairlead whatif svc/web replicas=5',
  )
  .action(async (resource: string, changes: string[], options) => {
    const { whatIf: run } = await import('./commands/whatif.ts')
    exitCode = await run(resource, changes, options)
  })
for (const option of fromWhere()) whatIf.addOption(option)

program
  .command('matrix')
  .description("measure the document's tables of Services with real packets, on clusters of its own")
  .addOption(
    new Option('--network <kind>', 'pod networks to measure')
      .choices(['flannel', 'terway-eniip', 'both'])
      .default('both'),
  )
  .addOption(
    new Option('--proxy-mode <mode>', 'proxy modes to measure').choices(['nftables', 'ipvs', 'both']).default('both'),
  )
  .addOption(
    new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'md', 'junit']).default('table'),
  )
  .addHelpText('after', '\nExamples:\n  $ fairlead matrix\n  $ fairlead matrix --network flannel -o junit > matrix.xml')
  .action(async (options) => {
    const { matrix } = await import('./commands/matrix.ts')
    exitCode = await matrix(options)
  })

const image = program.command('image').description('the images that pods can run')

image
  .command('add')
  .description('give a name to a static program, a root file system directory or an image archive')
  .argument('<name>', 'as pods name it, with or without registry and tag')
  .argument('<path>', 'a program, a directory, or an archive (docker save, OCI layout)')
  .option('--entrypoint <word...>', 'what to run in it; a word that begins with a dash as --entrypoint=WORD')
  .action(async (name: string, path: string, options) => {
    const { addImage } = await import('./commands/image.ts')
    exitCode = await addImage(name, path, options)
  })

image
  .command('list')
  .alias('ls')
  .description('show the images that were added')
  .action(async () => {
    const { listImages } = await import('./commands/image.ts')
    exitCode = listImages()
  })

image
  .command('remove')
  .alias('rm')
  .description('forget an image')
  .argument('<name>')
  .action(async (name: string) => {
    const { removeImage } = await import('./commands/image.ts')
    exitCode = removeImage(name)
  })

addCcmCommand(program, (code) => {
  exitCode = code
})

addProxyCommand(program, (code) => {
  exitCode = code
})

// Who reads the output may go away (`| head`); the cluster must be taken down all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT
  else exitCode = reportFailure(error)
}
// Waits for nothing that a failed command may have left open.
process.exit(exitCode)
