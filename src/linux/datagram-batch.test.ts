import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatagramBatch } from './datagram-batch.ts'
import { close } from './libc.ts'
import { openUdp, socketAddress } from './socket.ts'

for (const [host, family] of [
  ['127.0.0.1', 4],
  ['::1', 6],
] as const) {
  test(`packets go out and come back in batches over IPv${family}`, () => {
    const [asking, answering] = [openUdp({ host, port: 0 }), openUdp({ host, port: 0 })]
    using client = new DatagramBatch({ family, count: 4, receiveSize: 16, sendSize: 16 })
    using server = new DatagramBatch({ family, count: 4, receiveSize: 16, sendSize: 16 })
    try {
      assert.equal(server.receive(answering), 0)
      for (const text of ['a', 'bb', 'c'.repeat(16), 'dddd', 'e']) {
        client.output.write(text, client.nextOffset)
        client.sendTo(host, socketAddress(answering).port, text.length)
        client.flush(asking)
      }
      assert.equal(server.receive(answering), 4)
      assert.equal(server.portOf(0), socketAddress(asking).port)
      assert.deepEqual(
        [0, 1, 2, 3].map((packet) => server.lengthOf(packet)),
        [1, 2, 16, 4],
      )
      // Not to all of them, and not in their order.
      for (const packet of [3, 1]) {
        server.input.copy(server.output, server.nextOffset, packet * 16, packet * 16 + server.lengthOf(packet))
        server.replyTo(packet, server.lengthOf(packet))
      }
      server.flush(answering)
      assert.equal(server.receive(answering), 1)
      assert.equal(client.receive(asking), 2)
      const texts = [0, 1].map((packet) =>
        client.input.toString('latin1', packet * 16, packet * 16 + client.lengthOf(packet)),
      )
      assert.deepEqual(texts, ['dddd', 'bb'])
    } finally {
      close(asking)
      close(answering)
    }
  })
}
