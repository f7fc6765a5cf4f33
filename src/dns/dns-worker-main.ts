/** A thread of the DNS server that answers beside the main one: workers/answer-worker.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { createLog } from '../base/log.ts'
import { AnswerWorker } from './workers/answer-worker.ts'
import type { ToWorker, WorkerSettings } from './workers/worker-message.ts'

const port = parentPort
if (port === null) throw new FairleadError('USAGE', 'This is a thread of fairlead dns; it does not run by itself')
const { logLevel, plain } = workerData as WorkerSettings
const worker = new AnswerWorker({
  post: (message) => port.postMessage(message),
  log: createLog({ component: 'dns', level: logLevel }),
  clock: systemClock,
  random: Math.random,
  plain,
})
// In the order in which they come: what is told of a zone must be there before it is said to be whole.
let last = Promise.resolve()
port.on('message', (message: ToWorker) => {
  last = last.then(() => worker.take(message))
})
