/** A process that starts containers, says when they run, and is then killed by the test that forked it. */
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { findRunc } from '../../src/node/runtime/runc-command.ts'
import { RuncRuntime } from '../../src/node/runtime/runc-runtime.ts'
import type { Runtime } from '../../src/node/runtime/runtime.ts'
import { until } from './node-bench.ts'

interface Order {
  readonly directory: string
  readonly commands: Readonly<Record<string, Parameters<Runtime['start']>[1]>>
}

process.once('message', async ({ directory, commands }: Order) => {
  const runtime = new RuncRuntime({
    runc: findRunc(join(directory, 'runc')),
    podsDirectory: join(directory, 'pods'),
    logsDirectory: join(directory, 'logs'),
    clock: systemClock,
    log: silentLog,
  })
  for (const [podUid, command] of Object.entries(commands)) runtime.start({ podUid, name: 'web', attempt: 0 }, command)
  await Promise.all(Object.keys(commands).map((uid) => until(runtime, uid, ({ state }) => state.kind === 'running')))
  process.send?.('running')
})
