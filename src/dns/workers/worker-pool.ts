import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ERROR_KINDS, type ErrorCode, errorMessage, FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { MetricFamily } from '../server/metrics.ts'
import type { QueryRecord } from '../server/query-log.ts'
import type { FromWorker, ToWorker, WorkerNews, WorkerRequest, WorkerSettings } from './worker-message.ts'

/** What threads tell of their own accord. */
export interface WorkerListener {
  line(line: string): void
  query(generation: number, record: QueryRecord, line: string): void
  seen(generation: number, block: number, asker: { readonly address: string; readonly port: number }): void
  /** A thread has ended, which none should. */
  failed(error: FairleadError): void
}

export interface WorkerPoolOptions {
  /** How many threads. */
  readonly count: number
  readonly log: Log
  readonly plain: boolean
  readonly listener: WorkerListener
  /** The threads' program. */
  readonly program?: URL
}

/** The threads that answer beside the main one; all are told the same. */
export class WorkerPool implements AsyncDisposable {
  readonly #threads: readonly Thread[]

  constructor(options: WorkerPoolOptions) {
    this.#threads = Array.from({ length: options.count }, (_, i) => new Thread(i + 2, options))
  }

  get size(): number {
    return this.#threads.length
  }

  /** Resolves when all have done it. */
  async ask(request: WorkerRequest): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ask(request)))
  }

  tell(news: WorkerNews): void {
    for (const thread of this.#threads) thread.post(news)
  }

  /** What each has counted. */
  figures(): Promise<readonly (readonly MetricFamily[])[]> {
    return Promise.all(this.#threads.map((thread) => thread.ask({ kind: 'figures' })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()))
  }
}

interface Waiting {
  readonly resolve: (figures: readonly MetricFamily[]) => void
  readonly reject: (error: FairleadError) => void
}

class Thread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #number: number
  readonly #listener: WorkerListener
  readonly #waiting = new Map<number, Waiting>()
  #requests = 0
  #failure: FairleadError | undefined
  #isStopping = false

  constructor(number: number, { log, plain, listener, program = workerProgram() }: WorkerPoolOptions) {
    this.#number = number
    this.#listener = listener
    const workerData: WorkerSettings = { logLevel: log.level, plain }
    this.#worker = new Worker(program, { workerData, name: `dns-${number}` })
    this.#worker.on('message', (message: FromWorker) => this.#hear(message))
    this.#worker.on('error', (error) => this.#fail(errorMessage(error), error))
    this.#worker.on('exit', (code) => this.#fail(`it ended with code ${code}`))
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  ask(request: WorkerRequest): Promise<readonly MetricFamily[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const number = ++this.#requests
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.post({ ...request, request: number })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    await this.#worker.terminate()
  }

  #hear(message: FromWorker): void {
    const listener = this.#listener
    switch (message.kind) {
      case 'line':
        listener.line(message.line)
        break
      case 'query':
        listener.query(message.id, message.record, message.line)
        break
      case 'seen':
        listener.seen(message.id, message.block, message)
        break
      case 'done':
        this.#settled(message.request)?.resolve(message.figures ?? [])
        break
      case 'failed':
        this.#settled(message.request)?.reject(new FairleadError(codeOf(message.code), message.reason))
        break
      default:
        message satisfies never
    }
  }

  #settled(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    return waiting
  }

  /** The first reason counts; the exit that follows an error adds nothing. */
  #fail(reason: string, cause?: unknown): void {
    if (this.#failure !== undefined) return
    const text = `Thread ${this.#number} of the DNS server failed: ${reason}`
    this.#failure = new FairleadError('PROCESS_FAILED', text, { cause })
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    if (!this.#isStopping) this.#listener.failed(this.#failure)
  }
}

function codeOf(text: string | undefined): ErrorCode {
  return text !== undefined && Object.hasOwn(ERROR_KINDS, text) ? (text as ErrorCode) : 'PROCESS_FAILED'
}

/** Beside the bundle that this file is in; from source threads need their loader (`source-worker.mjs`). */
function workerProgram(): URL {
  const extension = extname(new URL(import.meta.url).pathname)
  return new URL(extension === '.ts' ? './source-worker.mjs' : `./dns-worker${extension}`, import.meta.url)
}
