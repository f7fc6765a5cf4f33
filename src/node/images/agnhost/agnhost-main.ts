#!/fairlead/node
/**
 * Answers in place of the image `agnhost` of Kubernetes' end-to-end tests, which examples use as well: those of its
 * subcommands that talk over the network or wait. It is bundled into one file, `/agnhost` in the container.
 *
 * Source: kubernetes/kubernetes, test/images/agnhost/README.md.
 */
import { basename } from 'node:path'
import { type Flags, parseFlags } from './flags.ts'

/** What a subcommand does; it returns when the program shall end by itself. */
export type Subcommand = (flags: Flags, args: readonly string[]) => void | Promise<void>

const SUBCOMMANDS: Readonly<Record<string, () => Promise<Subcommand>>> = {
  connect: async () => (await import('./connect.ts')).connectTo,
  'dns-server-list': async () => (await import('./name-files.ts')).printServers,
  'dns-suffix': async () => (await import('./name-files.ts')).printSuffixes,
  'entrypoint-tester': async () => (await import('./small-commands.ts')).printArguments,
  'etc-hosts': async () => (await import('./name-files.ts')).printHosts,
  liveness: async () => (await import('./small-commands.ts')).serveLiveness,
  'logs-generator': async () => (await import('./small-commands.ts')).generateLogs,
  netexec: async () => (await import('./netexec.ts')).netexec,
  pause: async () => (await import('./small-commands.ts')).pause,
  'port-forward-tester': async () => (await import('./port-forward-tester.ts')).sendChunks,
  porter: async () => (await import('./porter.ts')).serveEnvironment,
  'serve-hostname': async () => (await import('./serve-hostname.ts')).serveHostname,
  'test-webserver': async () => (await import('./test-webserver.ts')).serveFiles,
}

async function main(): Promise<void> {
  const [name = 'pause', ...rest] = process.argv.slice(2)
  const load = SUBCOMMANDS[name]
  if (load === undefined) {
    process.stderr.write(
      `${basename(process.argv[1] ?? 'agnhost')}: cannot do "${name}": Fairlead runs in place of the image and knows ` +
        `${Object.keys(SUBCOMMANDS).join(', ')}; to run the image itself: fairlead image add IMAGE PATH\n`,
    )
    process.exitCode = 1
    return
  }
  const { flags, args } = parseFlags(rest)
  const run = await load()
  await run(flags, args)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
