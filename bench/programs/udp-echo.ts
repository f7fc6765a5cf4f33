/**
 * For `bench/dns.ts`: sends every packet back with the bit of an answer set, by the same batches as the DNS server. What
 * that costs is what no server on these sockets can go below.
 */
import { createSocket } from 'node:dgram'
import { DatagramBatch } from '../../src/linux/datagram-batch.ts'
import { openUdp } from '../../src/linux/socket.ts'

const BATCH = 64
const [RECEIVE, SEND] = [2_048, 1_280]
const fd = openUdp({ host: '127.0.0.1', port: Number(process.argv[2]) })
const batch = new DatagramBatch({ family: 4, count: BATCH, receiveSize: RECEIVE, sendSize: SEND })
const socket = createSocket('udp4')
let answers = 0
socket.on('message', (data, from) => {
  data.copy(batch.output, batch.nextOffset)
  markAnswer(batch.nextOffset)
  batch.sendTo(from.address, from.port, data.length)
  batch.flush(fd)
  answers++
  for (let count = BATCH; count === BATCH; ) {
    count = batch.receive(fd)
    for (let i = 0; i < count; i++) sendBack(i)
    batch.flush(fd)
    answers += count
  }
})
socket.bind({ fd })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ answers, cpuUs: user + system })
})
process.on('disconnect', () => process.exit(0))
process.send?.({})

function sendBack(packet: number): void {
  const [from, to, length] = [packet * RECEIVE, batch.nextOffset, batch.lengthOf(packet)]
  for (let i = 0; i < length; i++) batch.output[to + i] = batch.input[from + i] as number
  markAnswer(to)
  batch.replyTo(packet, length)
}

function markAnswer(at: number): void {
  batch.output[at + 2] = (batch.output[at + 2] as number) | 0x80
}
