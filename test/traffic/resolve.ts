import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Vantage } from '../../src/cluster/vantage.ts'
import { FLAG, rcodeName, TYPE } from '../../src/dns/wire/codes.ts'
import { decodeMessage, encodeMessage } from '../../src/dns/wire/message.ts'
import { openFreshUdp } from '../../src/linux/socket.ts'

const DNS_ADDRESS = '10.96.0.10'
const AGAIN_MS = 1_000
const TRIES = 30

/** Asks the cluster's DNS for the addresses of a name, as a pod does; datagrams that are lost are sent again. */
export async function resolveInCluster(from: Vantage, name: string): Promise<readonly string[]> {
  const question = { name, type: TYPE.A, class: 1 }
  const query = encodeMessage({ id: 7, flags: FLAG.RD, question })
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.bind({ fd: openFreshUdp({ netns: from.netns, host: '0.0.0.0' }) }, resolve)
  })
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const answered = once(socket, 'message', { signal: AbortSignal.timeout(AGAIN_MS) })
      socket.send(query, 53, DNS_ADDRESS)
      const [data] = (await answered.catch(() => [])) as [Buffer?]
      const message = data && decodeMessage(data)
      if (message === undefined) continue
      if ((message.flags & 0xf) !== 0) throw new Error(`${name} is ${rcodeName(message.flags & 0xf)}`)
      return message.answers.flatMap((record) => (record.data.kind === 'A' ? record.data.address : []))
    }
  } finally {
    socket.close()
  }
  throw new Error(`No answer to ${name} from ${DNS_ADDRESS}`)
}
