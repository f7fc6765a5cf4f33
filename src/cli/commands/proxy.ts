import { readFileSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { systemClock } from '../../base/clock.ts'
import { errorMessage, FairleadError } from '../../base/error.ts'
import { createLog, type Log } from '../../base/log.ts'
import { createAccessTransport } from '../../kube/access-transport.ts'
import type { HttpsTransport } from '../../kube/https-transport.ts'
import { inClusterAccess } from '../../kube/in-cluster.ts'
import { type KubeconfigAccess, loadKubeconfig } from '../../kube/kubeconfig.ts'
import { writeSysctls } from '../../linux/sysctl.ts'
import { trimMemory } from '../../linux/trim-memory.ts'
import { cleanup } from '../../proxy/cleanup.ts'
import { type ProxyConfiguration, readConfiguration } from '../../proxy/server/proxy-configuration.ts'
import { configurationFromFile, configurationFromFlags, type ProxyFlags } from '../../proxy/server/proxy-flags.ts'
import { nodeNameOf, startProxyServer } from '../../proxy/server/proxy-server.ts'
import { requireNftables } from '../../proxy/server/require-nftables.ts'
import { done, say } from '../output.ts'

const INTERRUPTED = 130
/** klog's level from which on it is debugging. */
const DEBUG_VERBOSITY = 4

export interface ProxyOptions extends ProxyFlags {
  readonly master?: string
  readonly config?: string
  readonly writeConfigTo?: string
  readonly cleanup?: boolean
}

/** Runs the node proxy until it is told to stop; the rules stay. */
export async function proxy({
  master,
  config,
  writeConfigTo,
  cleanup: remove,
  ...flags
}: ProxyOptions): Promise<number> {
  if (remove) return removeRules()
  const raw = config === undefined ? configurationFromFlags(flags) : await configurationOf(config, flags)
  const { configuration, warnings } = readConfiguration(raw, config ?? 'the flags')
  if (writeConfigTo !== undefined) return writeConfiguration(raw, writeConfigTo)
  const log = createLog({ component: 'proxy', ...levelOf(configuration) })
  for (const warning of warnings) log.warn(warning)
  const access = await accessOf(configuration, master, log)
  using transport = createAccessTransport(access)
  requireNftables()
  prepareMachine(configuration, log)
  return await run({ configuration, transport, server: access.server, log })
}

interface RunOptions {
  readonly configuration: ProxyConfiguration
  readonly transport: HttpsTransport
  readonly server: string
  readonly log: Log
}

async function run({ configuration, transport, server, log }: RunOptions): Promise<number> {
  const signalled = nextSignal()
  // The young generation would stay large. The old one, too: what is left of a start lies between what is gone.
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=60')
  const nodeName = nodeNameOf(configuration)
  log.info({ node: nodeName, server, mode: configuration.mode }, 'Proxy starts')
  await using running = startProxyServer({
    configuration,
    transport,
    apiHost: new URL(server).host,
    nodeName,
    log,
    clock: systemClock,
    awaitNode: true,
  })
  const failed = running.synced.then(() => {
    rememberFrugally()
    return new Promise<never>(() => {})
  })
  const signal = await Promise.race([signalled, failed, running.failed])
  log.info({ signal }, 'Proxy stops; its rules stay')
  return signal === 'SIGINT' ? INTERRUPTED : 0
}

/**
 * It stands on every node beside what the node is for, and has little to do after its start: memory is worth more than
 * the time that V8 would save by letting its heap grow. (`--optimize-for-size` saves as much and makes syncs three times
 * as long.)
 */
function rememberFrugally(): void {
  setFlagsFromString('--heap-growing-percent=20')
  trimMemory()
}

function removeRules(): number {
  requireNftables()
  const tables = cleanup()
  done(tables === 0 ? 'there was nothing to remove' : `${tables} tables of the proxy removed`)
  return 0
}

async function configurationOf(path: string, flags: ProxyFlags): Promise<unknown> {
  const { configuration, ignored } = configurationFromFile(await readYaml(path), flags)
  if (ignored.length > 0) say(`Beside --config these flags do not count: ${ignored.map(flagName).join(', ')}`)
  return configuration
}

async function readYaml(path: string): Promise<unknown> {
  const { parse } = await import('../../base/yaml.ts')
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot read the configuration ${path}: ${errorMessage(cause)}`, { cause })
  }
}

/** `healthzBindAddress` as it is typed. */
function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function writeConfiguration(raw: unknown, path: string): number {
  // JSON is YAML.
  writeFileSync(path, `${JSON.stringify(raw, null, 2)}\n`)
  done(`configuration written to ${path}`)
  return 0
}

async function accessOf(
  { kubeconfig }: ProxyConfiguration,
  master: string | undefined,
  log: Log,
): Promise<KubeconfigAccess> {
  const server = master === undefined ? {} : { server: master }
  if (kubeconfig !== undefined) return { ...(await loadKubeconfig(kubeconfig)), ...server }
  if (master !== undefined) return { context: 'master', server: master, credentials: { type: 'none' } }
  log.info('Neither kubeconfig file nor master URL was specified, falling back to in-cluster config')
  return inClusterAccess(process.env)
}

function levelOf({ verbosity }: ProxyConfiguration): { level?: string } {
  return verbosity >= DEBUG_VERBOSITY ? { level: 'debug' } : {}
}

/** What kube-proxy sets on the machine as well. A machine that does not let it serves Services all the same. */
function prepareMachine({ oomScoreAdj, conntrack }: ProxyConfiguration, log: Log): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(oomScoreAdj))
  } catch (err) {
    log.debug({ err, oomScoreAdj }, 'Failed to apply OOMScore')
  }
  for (const [setting, value] of Object.entries(conntrack)) {
    try {
      writeSysctls(undefined, { [setting]: value })
    } catch (err) {
      log.error({ err, setting, value }, 'Connection tracking could not be set')
    }
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve)
  })
}
