import { createServer } from 'node:http'
import { FairleadError } from '../../../base/error.ts'
import type { Flags } from './flags.ts'
import { listening } from './serving.ts'

/** Waits for a signal; ends with 2 on SIGTERM and with 1 on SIGINT. */
export function pause(): Promise<void> {
  process.stdout.write('Paused\n')
  return new Promise((resolve) => {
    const end = (code: number) => () => {
      clearInterval(alive)
      process.exitCode = code
      resolve()
    }
    const alive = setInterval(() => {}, 2 ** 30)
    process.once('SIGTERM', end(2))
    process.once('SIGINT', end(1))
  })
}

/** The command line, as Go shows a list of words. */
export function printArguments(): void {
  process.stdout.write(`[${process.argv.slice(1).join(' ')}]\n`)
}

/** Healthy for ten seconds, then not. */
export async function serveLiveness(): Promise<void> {
  const startedAt = performance.now()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://liveness')
    const seconds = (performance.now() - startedAt) / 1000
    if (url.pathname === '/started') response.end(`${seconds}s`)
    else if (url.pathname === '/redirect') {
      response.writeHead(302, { location: url.searchParams.get('loc') ?? '/' }).end()
    } else if (url.pathname !== '/healthz') response.writeHead(404).end('404 page not found\n')
    else if (seconds > 10) response.writeHead(500).end(`error: ${seconds}`)
    else response.end('ok')
  })
  await listening(server, 8080)
}

const METHODS = ['GET', 'POST', 'PUT']
const NAMESPACES = ['kube-system', 'default', 'ns']

/** Writes `--log-lines-total` lines, evenly over `--run-duration`. */
export async function generateLogs(flags: Flags): Promise<void> {
  const total = flags.number('log-lines-total', 0)
  const duration = flags.duration('run-duration', 0)
  if (total <= 0) throw new FairleadError('USAGE', `Invalid total number of lines: ${total}`)
  if (duration <= 0) throw new FairleadError('USAGE', `Invalid duration: ${duration}ms`)
  for (let id = 0; id < total; id++) {
    process.stderr.write(`${logLine(id)}\n`)
    await new Promise((resolve) => setTimeout(resolve, duration / total))
  }
}

/** The head is klog's, `I1124 00:30:00.123456       1 file:line] `; then what an API server might have to say. */
function logLine(id: number): string {
  const [date = '', time = ''] = new Date().toISOString().split('T')
  const head = `I${date.slice(5).replace('-', '')} ${time.slice(0, -1)}000 ${String(process.pid).padStart(7)} logs_generator.go:76]`
  const pick = (words: readonly string[]) => words[Math.floor(Math.random() * words.length)]
  const pod = Math.random().toString(36).slice(2, 6)
  const status = 200 + Math.floor(Math.random() * 400)
  return `${head} ${id} ${pick(METHODS)} /api/v1/namespaces/${pick(NAMESPACES)}/pods/${pod} ${status}`
}
