/**
 * The program of image `fairlead/dns`: a DNS server for pods, with the arguments of CoreDNS (`-conf`, `-dns.port`). Its
 * log is on standard output, as CoreDNS's is.
 */
import { createLog } from '../base/log.ts'
import { asFairleadError } from '../base/system-failure.ts'
import { type DnsProgramOptions, runDns } from './dns-program.ts'

const log = createLog({ component: 'dns' })
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
})

try {
  await runDns(argumentsOf(process.argv.slice(2)), {
    env: process.env,
    log,
    writeLine: (line) => process.stdout.write(`${line}\n`),
    asked,
  })
  process.exit(0)
} catch (error) {
  const failure = asFairleadError(error)
  log.fatal(
    { err: failure === undefined ? error : undefined, hint: failure?.hint },
    failure?.message ?? 'DNS server failed',
  )
  process.exit(1)
}

function argumentsOf(words: readonly string[]): DnsProgramOptions {
  const value = (...names: string[]) => {
    const at = words.findIndex((word) => names.includes(word.replace(/=.*/, '')))
    const word = words[at]
    if (word === undefined) return undefined
    return word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1]
  }
  const conf = value('-conf', '--conf')
  const kubeconfig = value('-kubeconfig', '--kubeconfig')
  const port = value('-dns.port', '--dns.port', '-p')
  const workers = value('-workers', '--workers')
  return {
    ...(workers === undefined ? {} : { workers: Number(workers) }),
    ...(conf === undefined ? {} : { conf }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(port === undefined ? {} : { dnsPort: Number(port) }),
  }
}
