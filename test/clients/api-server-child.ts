// Child of `api-server-process.ts`: an API server over a store on disk, in a process that can be killed.
import { startApiServer } from '../../src/apiserver/server.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openLmdbStore } from '../../src/store/lmdb-store.ts'
import type { ServerAnswer, ServerOrder } from './api-server-process.ts'

const answer = (message: ServerAnswer) => process.send?.(message)

process.on('disconnect', () => process.exit(0))
process.once('message', async (order: ServerOrder) => {
  if (order.do !== 'start') return
  const store = await openLmdbStore({ directory: order.directory, log: silentLog, clock: systemClock })
  process.on('message', async (next: ServerOrder) => {
    if (next.do !== 'compact') return
    await store.compact(store.revision())
    answer({ done: 'compact', port: 0 })
  })
  const api = await startApiServer({
    store,
    tls: order.tls,
    listeners: [{ host: '127.0.0.1', port: order.port }],
    bootstrap: {
      advertise: { address: '192.168.0.2', port: 6443 },
      serviceCidrs: ['10.96.0.0/16'],
      kubernetesIp: '10.96.0.1',
    },
    log: silentLog,
  })
  answer({ done: 'start', port: api.addresses[0]?.port ?? 0 })
})
