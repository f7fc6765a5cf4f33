import { createSocket } from 'node:dgram'
import { FairleadError } from '../base/error.ts'
import type { Vantage } from '../cluster/vantage.ts'
import { CLASS_IN, FLAG, RCODE, TYPE } from '../dns/wire/codes.ts'
import { decodeMessage, encodeMessage, type Message } from '../dns/wire/message.ts'
import { openUdp } from '../linux/socket.ts'

/** What a name means to who asks. */
export interface NameAnswer {
  readonly rcode: number
  /** IPv4 addresses, sorted. */
  readonly addresses: readonly string[]
  /** Where aliases lead, in the order of the answer. */
  readonly aliases: readonly string[]
}

const TIMEOUT_MS = 1_500
/** A datagram may be lost, as any. */
const REPEAT_MS = 500
/** Of the flags, the answer's kind (RFC 1035 §4.1.1). */
const RCODE_MASK = 0xf

/**
 * Asks a DNS server for the IPv4 addresses of a name, from inside a namespace.
 *
 * @throws FairleadError `TIMEOUT`; the system's own error where there is no way (`ENETUNREACH`, ...).
 */
export async function askName(from: Vantage, server: string, name: string): Promise<NameAnswer> {
  const socket = createSocket('udp4')
  const id = Math.floor(performance.now()) & 0xffff
  const question = encodeMessage({ id, flags: FLAG.RD, question: { name, type: TYPE.A, class: CLASS_IN } })
  let repeat: NodeJS.Timeout | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<NameAnswer>((resolve, reject) => {
      const send = () => socket.send(question, 53, server, (error) => error && reject(error))
      timer = setTimeout(() => {
        reject(new FairleadError('TIMEOUT', `No answer for ${name} from ${server} to ${from.name}`))
      }, TIMEOUT_MS)
      socket.on('error', reject)
      socket.on('message', (bytes) => {
        const answer = decodeMessage(bytes)
        if (answer?.id === id) resolve(nameAnswer(answer))
      })
      socket.bind({ fd: openUdp({ netns: from.netns, host: '0.0.0.0', port: 0 }) }, () => {
        repeat = setInterval(send, REPEAT_MS)
        send()
      })
    })
  } finally {
    clearInterval(repeat)
    clearTimeout(timer)
    socket.close()
  }
}

export function rcodeText(rcode: number): string {
  return Object.entries(RCODE).find(([, number]) => number === rcode)?.[0] ?? `code ${rcode}`
}

function nameAnswer({ flags, answers }: Message): NameAnswer {
  return {
    rcode: flags & RCODE_MASK,
    addresses: answers.flatMap(({ data }) => (data.kind === 'A' ? [data.address] : [])).sort(),
    aliases: answers.flatMap(({ data }) => (data.kind === 'CNAME' ? [data.target] : [])),
  }
}
