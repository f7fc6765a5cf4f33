import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Departure } from './departure.ts'
import { answer, type ExchangeOptions } from './http-exchange.ts'
import { sendResponse } from './send-response.ts'

/** Answers a request that wants to change the connection's protocol: lets it, or answers as any other and ends. */
export async function exchangeUpgrade(
  options: ExchangeOptions,
  message: IncomingMessage,
  socket: Duplex,
): Promise<void> {
  const departure = new Departure()
  socket.once('close', () => departure.happen())
  socket.on('error', (error) => options.log.debug({ err: error, url: message.url }, 'A connection failed'))
  const response = new ServerResponse(message)
  try {
    const answered = await answer(options, { message, departure })
    if (departure.happened) return
    response.assignSocket(socket as TLSSocket)
    if (answered.takeOver === undefined) {
      response.shouldKeepAlive = false
      // The server looks after connections of its own only, and this one it has given up.
      socket.on('drain', () => response.emit('drain'))
      await sendResponse(answered, response, options.clock)
      socket.end()
      return
    }
    response.writeHead(answered.status, answered.headers)
    response.flushHeaders()
    response.detachSocket(socket as TLSSocket)
    answered.takeOver(socket)
  } catch (error) {
    if (!departure.happened) options.log.warn({ err: error, url: message.url }, 'A connection could not be handed on')
    socket.destroy()
  }
}
