import { createLog } from '../../base/log.ts'
import { runDns } from '../../dns/dns-program.ts'

const INTERRUPTED = 130

export interface DnsOptions {
  readonly kubeconfig?: string
  readonly conf?: string
  readonly dnsPort?: number
  readonly workers?: number
}

/** Runs a DNS server until it is told to stop. */
export async function dns(options: DnsOptions): Promise<number> {
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve)
  })
  const log = createLog({ component: 'dns' })
  const writeLine = (line: string) => process.stdout.write(`${line}\n`)
  await runDns(options, { env: process.env, log, writeLine, asked })
  return (await asked) === 'SIGINT' ? INTERRUPTED : 0
}
